package helios_test

const (
	sampleLight = "{}"
	sampleDeep  = "{}"
	sampleLabs  = "{}"
)

// The Bundles of fhirdoc against a FHIR server that npm has. A module of its
// own, outside the workspace, so that no other test needs Node.
module github.com/heliosai/helios-go/report/fhirdoc/servertest

go 1.26.0

require (
	github.com/heliosai/helios-go v0.1.0
	github.com/heliosai/helios-go/report v0.1.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/aymerick/douceur v0.2.0 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/gorilla/css v1.0.1 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/heliosai/helios-go/clinical v0.1.0 // indirect
	github.com/microcosm-cc/bluemonday v1.0.27 // indirect
	github.com/yuin/goldmark v1.8.7 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
)

replace (
	github.com/heliosai/helios-go => ../../../
	github.com/heliosai/helios-go/clinical => ../../../clinical
	github.com/heliosai/helios-go/report => ../../
)

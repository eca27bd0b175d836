package fhirdoc

// The elements of FHIR R4 that are written, under FHIR's names.
// https://hl7.org/fhir/R4/resourcelist.html

type documentReference struct {
	ResourceType string            `json:"resourceType"`
	Meta         meta              `json:"meta"`
	Language     string            `json:"language"`
	Identifier   []identifier      `json:"identifier"`
	Status       string            `json:"status"`
	DocStatus    string            `json:"docStatus"`
	Type         codeableConcept   `json:"type"`
	Category     []codeableConcept `json:"category,omitempty"`
	Subject      reference         `json:"subject"`
	Date         string            `json:"date"`
	Author       []reference       `json:"author"`
	Description  string            `json:"description"`
	Content      []content         `json:"content"`
	Context      *documentContext  `json:"context,omitempty"`
}

type content struct {
	Attachment attachment `json:"attachment"`
}

type documentContext struct {
	Encounter []reference `json:"encounter"`
}

type diagnosticReport struct {
	ResourceType      string            `json:"resourceType"`
	Meta              meta              `json:"meta"`
	Language          string            `json:"language"`
	Identifier        []identifier      `json:"identifier"`
	Status            string            `json:"status"`
	Category          []codeableConcept `json:"category,omitempty"`
	Code              codeableConcept   `json:"code"`
	Subject           reference         `json:"subject"`
	Encounter         *reference        `json:"encounter,omitempty"`
	EffectiveDateTime string            `json:"effectiveDateTime"`
	Issued            string            `json:"issued"`
	PresentedForm     []attachment      `json:"presentedForm"`
}

type device struct {
	ResourceType string          `json:"resourceType"`
	Identifier   []identifier    `json:"identifier"`
	Status       string          `json:"status"`
	Manufacturer string          `json:"manufacturer"`
	DeviceName   []deviceName    `json:"deviceName"`
	Type         codeableConcept `json:"type"`
}

type deviceName struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type provenance struct {
	ResourceType     string            `json:"resourceType"`
	Meta             meta              `json:"meta"`
	Target           []reference       `json:"target"`
	OccurredDateTime string            `json:"occurredDateTime"`
	Recorded         string            `json:"recorded"`
	Reason           []codeableConcept `json:"reason"`
	Activity         codeableConcept   `json:"activity"`
	Agent            []agent           `json:"agent"`
}

type agent struct {
	Type codeableConcept   `json:"type"`
	Role []codeableConcept `json:"role"`
	Who  reference         `json:"who"`
}

type bundle struct {
	ResourceType string  `json:"resourceType"`
	Type         string  `json:"type"`
	Entry        []entry `json:"entry"`
}

type entry struct {
	FullURL  string  `json:"fullUrl"`
	Resource any     `json:"resource"`
	Request  request `json:"request"`
}

type request struct {
	Method      string `json:"method"`
	URL         string `json:"url"`
	IfNoneExist string `json:"ifNoneExist"`
}

type meta struct {
	Security []Coding `json:"security,omitempty"`
	Tag      []Coding `json:"tag,omitempty"`
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

type reference struct {
	Reference string `json:"reference"`
}

type codeableConcept struct {
	Coding []Coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Language    string `json:"language"`
	Data        []byte `json:"data"` // base64, as encoding/json writes it
	Size        int    `json:"size"`
	Hash        []byte `json:"hash"` // SHA-1, by FHIR's definition
	Title       string `json:"title"`
	Creation    string `json:"creation"`
}

package fhirdoc

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// bundle returns the transaction that creates the resource, its author and its
// provenance. A Provenance has no identifier to search for; its tag stands in.
func (d *document) bundle(resourceType string, resource any) ([]byte, error) {
	tag := resourceType + "." + d.id
	helios := &device{
		ResourceType: "Device",
		Identifier:   []identifier{{agentSystem, agentValue}},
		Status:       "active",
		Manufacturer: "Helios",
		DeviceName:   []deviceName{{Name: "Helios agent", Type: "user-friendly-name"}},
		Type:         codeableConcept{Coding: []Coding{artificialIntelligence}},
	}
	source := &provenance{
		ResourceType:     "Provenance",
		Meta:             meta{Tag: []Coding{{System: System, Code: tag}}},
		Target:           []reference{{urn(System, tag)}},
		OccurredDateTime: d.time,
		Recorded:         d.time,
		Reason:           []codeableConcept{{Coding: []Coding{aiAsserted}}},
		Activity:         codeableConcept{Coding: []Coding{created}},
		Agent: []agent{{
			Type: codeableConcept{Coding: []Coding{author}},
			Role: []codeableConcept{{Coding: []Coding{artificialIntelligence}}},
			Who:  reference{urn(agentSystem, agentValue)},
		}},
	}

	return json.Marshal(&bundle{ResourceType: "Bundle", Type: "transaction", Entry: []entry{
		create("Device", helios, urn(agentSystem, agentValue), "identifier", agentSystem, agentValue),
		create(resourceType, resource, urn(System, tag), "identifier", System, d.id),
		create("Provenance", source, urn("provenance", tag), "_tag", System, tag),
	}})
}

// create makes an entry that creates a resource unless the server finds one.
func create(resourceType string, resource any, fullURL, parameter, system, value string) entry {
	return entry{FullURL: fullURL, Resource: resource, Request: request{
		Method: "POST", URL: resourceType,
		IfNoneExist: parameter + "=" + url.QueryEscape(system+"|"+searched.Replace(value)),
	}}
}

// searched escapes what separates values in a search.
// See https://hl7.org/fhir/R4/search.html#escaping
var searched = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)

// urn returns a UUID by which the entries of a Bundle name each other. It is
// made of what it names (RFC 9562, version 8), so the same report gives the
// same Bundle.
func urn(system, value string) string {
	id := sha256.Sum256([]byte(system + "|" + value))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

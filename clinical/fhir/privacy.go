package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// Only fields that are not for names or addresses are sent. Texts can hold them
// nevertheless, so they are looked through: see docs/privacy.md.

const (
	maxDosage = 1000 // characters that an instruction how to take a drug can have
	// maxPeople is how many names, numbers and addresses are kept. With more,
	// what someone typed is not sent.
	maxPeople = 1 << 17
)

// clearLabel looks through a name, which gives way to that of the terminology.
func (c *converter) clearLabel(l *labs.Label) (reason, instead clinical.Reason) {
	is := people.Coded
	if l.FreeName {
		is = people.Title
	}
	return c.people.Name(&l.Name, l.FreeName, is, l.CodedName, people.Coded)
}

// clearName is clearLabel for the name of an item, without which it is dropped.
func (c *converter) clearName(l *labs.Label, from *origin) bool {
	reason, instead := c.clearLabel(l)
	if reason != "" {
		c.main.report.Drop(reason, from.source, "")
		return false
	}
	c.note(from, instead)
	return true
}

// note notes a reservation about an item, if there is one.
func (c *converter) note(from *origin, reason clinical.Reason) {
	if reason != "" {
		c.main.report.Note(reason, from.source, "")
	}
}

func (c *converter) clearResult(r *labs.Result) clinical.Reason {
	name, value := people.Coded, people.Coded
	if r.FreeName {
		name = people.Title
	}
	switch v := &r.Value; {
	case v.Free:
		value = people.Typed
	case v.Text != "" && strings.Trim(v.Text[:1], "0123456789<>=-") == "":
		value = people.Unit // a range or a ratio, which has units
	}
	return r.Clear(&c.people, name, people.Coded, value)
}

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

// clear looks through a text. It returns why the text is not sent.
func (c *converter) clear(text *string, typed bool, longest int, is people.Text) clinical.Reason {
	if !typed {
		is = people.Coded
	}
	return c.people.Text(text, typed, longest, is)
}

// clearLabel is clear for a name, which gives way to that of the terminology.
func (c *converter) clearLabel(l *label) (reason, instead clinical.Reason) {
	is := people.Coded
	if l.typed {
		is = people.Title
	}
	return c.people.Name(&l.name, l.typed, is, l.coded, people.Coded)
}

// clearOften is clear for how often a drug is taken, coded with a unit.
func (c *converter) clearOften(text *string, typed bool) clinical.Reason {
	if !typed && c.people.Identifies(*text, people.Unit) {
		return clinical.Identifying
	}
	return c.clear(text, typed, people.MaxPhrase, people.Typed)
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

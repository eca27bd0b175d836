package fhir

import (
	"maps"
	"slices"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

const (
	// How many results wait for a report that may come.
	maxPending = 2048
	maxMoved   = 1 << 14
	maxRow     = 4 << 10
	// About how many bytes they take beside their characters.
	resourceSize, partSize = 128, 768
)

type record struct {
	report  *clinical.Report
	labs    *labs.Set
	pending []labs.Result
	lists   map[string]section // of what else is sent, by their names in the request
	newest  string             // day of anything in it

	// In case that it is not the patient's.
	resources int
	sources   []string
	editions  labs.Editions
	size      int // about how many bytes it takes, at most
}

func (c *converter) newRecord() *record {
	r := &record{report: &clinical.Report{}, lists: map[string]section{}, editions: labs.Editions{}}
	r.labs = labs.NewSet(c.kind, c.labs, r.report, c.gone)
	return r
}

func (r *record) absorb(other *record) {
	r.report.Merge(other.report)
	r.labs.Absorb(other.labs)
	r.pending = append(r.pending, other.pending...)
	for name, list := range other.lists {
		if r.lists[name] == nil {
			r.lists[name] = list
		} else {
			r.lists[name].absorb(list)
		}
	}

	r.seen(other.newest)
}

func (r *record) sections() []string { return slices.Sorted(maps.Keys(r.lists)) }

// of counts a resource that the record is of.
func (r *record) of(from *resource) {
	r.resources++
	r.size += len(from.data) + resourceSize
	if len(r.editions) < maxMoved {
		from.move(r.editions)
	}
	if len(r.sources) < clinical.MaxIssues {
		r.sources = append(r.sources, from.source)
	}
}

func (r *record) add(row labs.Result, is category) {
	r.size += partSize
	switch {
	case is != uncategorised:
		row.IsVitalSign = is == vitalSign
		r.labs.Add(&row)
	case len(r.pending) >= maxPending:
		r.pass(clinical.CategoryNotSent, &row, "")
	default:
		r.pending = append(r.pending, row)
	}
}

// drop reports a result that is not sent. It replaces older editions.
func (r *record) drop(reason clinical.Reason, row *labs.Result, detail string) {
	r.report.Drop(reason, row.Source, detail)
	r.void(row)
}

// pass reports one of a kind that is not sent. These are many, and so are their
// older editions, so it replaces them only if there may be any.
func (r *record) pass(reason clinical.Reason, row *labs.Result, detail string) {
	r.report.Drop(reason, row.Source, detail)
	if e := &row.Edition; e.Number > 1 || e.Number == 0 && (e.Updated != 0 || e.Issued != 0) {
		r.void(row)
	}
}

// void lets a result that is not sent take the place of its older editions.
func (r *record) void(row *labs.Result) {
	if e := &row.Edition; e.Number != 1 || e.Updated != 0 || e.IsWrong { // else there is none before it
		r.labs.Void(row)
	}
}

// How many bytes a flag and a range have, besides their texts.
const (
	flagSize  = 48
	rangeSize = 128
)

func size(row *labs.Result) int {
	n := len(row.Name) + len(row.CodedName) + len(row.System) + len(row.Code) + len(row.Value.Text) +
		len(row.Unit) + len(row.UnitCode)
	for _, flag := range row.Flags {
		n += flagSize + len(flag.System) + len(flag.Code) + len(flag.Text)
	}
	for i := range row.Ranges {
		n += rangeSize + len(row.Ranges[i].Text) + len(row.Ranges[i].Unit) + len(row.Ranges[i].Low) +
			len(row.Ranges[i].High)
	}
	return n
}

func (r *record) seen(date string) {
	const day = len("2006-01-02")
	if len(date) >= day && date[:day] > r.newest {
		r.newest = date[:day]
	}
}

// listed is what a resource adds to a list of the request.
type listed[T any] interface {
	from() *origin
	// key is the same for what says the same, of which one is sent.
	key() string
	// weight is about how many characters it has.
	weight() int
	// settle completes it at the end of the input, or reports why it is not
	// sent.
	settle(c *converter, day string) bool
	// first returns which of several with one key is sent.
	first(all []T) T
	// compare orders what is sent.
	compare(T) int
	// label is its name. It is looked through before it is sent.
	label() *labs.Label
	// send adds it to data.
	send(c *converter, day string, data *helios.HealthData)
}

type origin struct {
	source   string // how the report names it
	resource uint64 // what its editions have in common
	edition  labs.Edition
}

// move notes an edition that may be someone else's: it replaces the patient's.
func (r *resource) move(to labs.Editions) {
	if r.edition.Number != 1 {
		to.Add(r.name, r.edition)
	}
}

func (o *origin) from() *origin { return o }

// refuse reports an item that is not sent. It replaces older editions.
func (c *converter) refuse(rec *record, from *origin, reason clinical.Reason, detail string) error {
	rec.report.Drop(reason, from.source, detail)
	if detail == enteredInError {
		from.edition = inError(from.edition)
	}
	c.gone.Add(from.resource, from.edition)
	return nil
}

const (
	// How many items are kept before repetitions are left out. Half are sent.
	maxListed = 8192
	// How many characters they can have, likewise.
	maxWeight = 4 << 20
)

type section interface {
	absorb(section)
	send(c *converter, day string, data *helios.HealthData) (sent int)
	drop(report *clinical.Report, reason clinical.Reason)
}

type list[T listed[T]] struct {
	items  []T
	weight int // about how many characters they have, at most
}

func addTo[T listed[T]](c *converter, rec *record, name string, item T) {
	l, _ := rec.lists[name].(*list[T])
	if l == nil {
		l = &list[T]{}
		rec.lists[name] = l
	}

	l.items = append(l.items, item)
	rec.size += partSize
	l.weight += item.weight()
	if len(l.items) >= maxListed || l.weight >= maxWeight {
		l.unique(c, rec.report)
	}
}

func (l *list[T]) absorb(other section) {
	more, _ := other.(*list[T])
	l.items = append(l.items, more.items...)
	l.weight += more.weight
}

func (l *list[T]) drop(report *clinical.Report, reason clinical.Reason) {
	for _, item := range l.items {
		report.Drop(reason, item.from().source, "")
	}
}

func (l *list[T]) send(c *converter, day string, data *helios.HealthData) (sent int) {
	l.newest(c, c.main.report)
	l.items = slices.DeleteFunc(l.items, func(item T) bool { return !item.settle(c, day) })
	l.unique(c, c.main.report)
	for _, item := range l.items {
		if c.clearName(item.label(), item.from()) {
			item.send(c, day, data)
			sent++
		}
	}
	return sent
}

// unique leaves out what is said twice, sorts, and leaves out what is too much.
func (l *list[T]) unique(c *converter, report *clinical.Report) {
	l.newest(c, report)

	groups := make(map[string][]T, len(l.items))
	for _, item := range l.items {
		groups[item.key()] = append(groups[item.key()], item)
	}
	chosen := make(map[*origin]bool, len(groups))
	for _, group := range groups {
		chosen[group[0].first(group).from()] = true
	}
	l.items = slices.DeleteFunc(l.items, func(item T) bool {
		if !chosen[item.from()] {
			report.Drop(clinical.Duplicate, item.from().source, "")
		}
		return !chosen[item.from()]
	})

	slices.SortStableFunc(l.items, T.compare)

	n := 0
	l.weight = 0
	l.items = slices.DeleteFunc(l.items, func(item T) bool {
		if n == maxListed/2 || l.weight+item.weight() > maxWeight/2 {
			report.Drop(clinical.TooMany, item.from().source, "")
			return true
		}
		n++
		l.weight += item.weight()
		return false
	})
}

func (l *list[T]) newest(c *converter, report *clinical.Report) {
	of := func(item T) (uint64, *labs.Edition) { return item.from().resource, &item.from().edition }
	l.items = labs.Newest(l.items, c.gone, of, func(item T, reason clinical.Reason) {
		report.Drop(reason, item.from().source, "")
	})
}

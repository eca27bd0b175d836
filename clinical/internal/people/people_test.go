package people_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical/internal/people"
)

// known is a set with a patient and a physician.
func known() *people.Set {
	s := &people.Set{Max: 1000, Texts: 2}
	s.AddName("Zoë", "White", true)
	s.AddName("Jo", "Doe", true)
	s.AddName("Anne-Marie", "O'Neil", true)
	s.AddName("Jürgen", "Müller", true)
	s.AddName("小明", "王", true)
	s.AddName("", "McDonald", true)
	s.AddName("Γιώργος", "Παπαδόπουλος", true)
	s.Add("MRN-0815", people.Number, true)
	s.Add("12345678", people.Number, true)
	s.Add("4711", people.Number, true)
	s.Add("555-987-0100", people.Number, true)
	s.Add("12 Elm Street", people.Address, true)
	s.Add("Springfield", people.Address, true)
	s.AddDate("1980", "06", "05", true)
	s.AddName("Iron", "Bell", false)
	s.AddShown("Dr. Florence Nightingale", false)
	s.Add("Central Labs Ltd", people.WholeName, false)
	s.Add("Boston", people.Address, false)
	return s
}

func TestIdentifies(t *testing.T) {
	t.Parallel()
	const typed, title, unit, coded = people.Typed, people.Title, people.Unit, people.Coded
	for _, test := range []struct {
		text string
		in   []people.Text // the kinds of text in which it is found
	}{
		{"seen by ms white", []people.Text{typed, title, unit}},
		{"ZOË: positive", []people.Text{typed, title, unit}},
		{"Zoe", []people.Text{typed, title, unit}},
		{"Zoe\u0308", []people.Text{typed, title, unit}},
		{"panel of Zoe White", []people.Text{typed, title, unit, coded}},
		{"WHITE, ZOE", []people.Text{typed, title, unit, coded}},
		{"ZoeWhite", []people.Text{typed, title, unit, coded}},
		{"Jo Doe", []people.Text{typed, title, unit, coded}},
		{"told Anne Marie", []people.Text{typed, title, unit}},
		{"told AnneMarie", []people.Text{typed, title, unit}},
		{"ONeil", []people.Text{typed, title, unit}},
		{"O’Neil's", []people.Text{typed, title, unit}},
		{"Ｍüｌｌｅｒ", []people.Text{typed, title, unit}},
		{"ﾞ", nil},
		{"mueller", []people.Text{typed, title, unit}},
		{"MULLER", []people.Text{typed, title, unit}},
		{"Juergen", []people.Text{typed, title, unit}},
		{"患者王小明阳性", []people.Text{typed, title, unit, coded}},
		{"小明阳性", []people.Text{typed, title, unit}},
		{"明阳性", nil},
		{"Mc Donald", []people.Text{typed, title, unit}},
		{"no. ١٢٣٤٥٦٧٨", []people.Text{typed, title, unit, coded}},
		{"ΠΑΠΑΔΟΠΟΥΛΟΣ", []people.Text{typed, title, unit}},
		{"see mrn 0815", []people.Text{typed, title, unit, coded}},
		{"MRN0815", []people.Text{typed, title, unit, coded}},
		{"no. 12345678", []people.Text{typed, title, unit, coded}},
		{"no. 4711", []people.Text{typed, title, unit}},
		{"12 elm street", []people.Text{typed, title, unit}},
		{"Springfield strain", []people.Text{typed, title, unit}},
		{"asked Bell", []people.Text{typed}},
		{"asked Iron Bell", []people.Text{typed, title, unit, coded}},
		{"nightingale", []people.Text{typed}},
		{"Florence Nightingale", []people.Text{typed}},
		{"Dr Florence Nightingale", []people.Text{typed, title, unit, coded}},
		{"central labs ltd.", []people.Text{typed, title, unit, coded}},
		{"Boston", []people.Text{typed}},
		{"born 1980-06-05", []people.Text{typed, title, unit, coded}},
		{"born 19800605", []people.Text{typed, title, unit, coded}},
		{"born 6/5/1980", []people.Text{typed, title, unit, coded}},
		{"born 5.6.1980", []people.Text{typed, title, unit, coded}},
		{"born 05061980", []people.Text{typed, title, unit, coded}},
		{"in 1980", nil},
		{"call (555)123-4567", []people.Text{typed, title, unit}}, // nobody's, but a way to reach someone
		{"whitening", nil}, {"Bellman", nil}, {"Elm", nil}, {"Jo", nil}, {"o", nil}, {"小", nil}, {"Dr. Who",
			nil}, {"doctor", nil}, {"0815", nil}, {"1234-5678", nil}, {"", nil}, {"…", nil},
	} {
		s := known()
		for _, is := range []people.Text{typed, title, unit, coded} {
			found := false
			for _, in := range test.in {
				found = found || in == is
			}
			assert.Equal(t, found, s.Identifies(test.text, is), "%q as %d", test.text, is)
		}
	}
}

// The words of units are no names in a unit, and others are.
func TestUnits(t *testing.T) {
	t.Parallel()
	s := &people.Set{Max: 100}
	for _, name := range []string{"Day", "Mol", "Copies", "Weiss"} {
		s.AddName("Anna", name, true)
	}
	for _, unit := range []string{"mL/day", "mol/L", "copies/mL", "10*3/uL", "µmol/L", "%"} {
		assert.False(t, s.Identifies(unit, people.Unit), unit)
	}
	for _, unit := range []string{"mg Weiss", "Anna", "mL/Anna Day", "mmol/L (0171/1234567)"} {
		assert.True(t, s.Identifies(unit, people.Unit), unit)
	}
	assert.True(t, s.Identifies("one per day", people.Typed))
}

// What is not looked for: what is too short, and words that anyone writes.
func TestNotAdded(t *testing.T) {
	t.Parallel()
	s := &people.Set{Max: 100}
	s.AddName("Al", "Li", false)
	s.AddName("Unknown", "Test", true)
	s.AddName("", "", true)
	s.AddDate("1980", "", "", true)
	s.AddShown("Prof. Dr. N. N.", true)
	s.Add("123", people.Number, true)
	s.Add("- / -", people.Address, true)
	for _, text := range []string{"Al", "Li", "unknown", "test", "Prof", "123", "-", "1", "1980"} {
		assert.False(t, s.Identifies(text, people.Typed), text)
	}
	assert.True(t, s.Identifies("Al Li", people.Typed))
}

// Of a set that cannot take all that there is, nothing leaves that could be a
// name.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*people.Set{
		"full":       {Max: 3},
		"zero":       {},
		"incomplete": {Max: 1000, Texts: 10},
	} {
		if name == "incomplete" {
			assert.False(t, s.Identifies("nobody", people.Title))
			s.Miss()
		}
		for i := range 5 {
			s.Add(fmt.Sprintf("Name%c", 'a'+i), people.Name, false)
		}
		for _, text := range []string{"nobody", "no. 1234", "王"} {
			assert.True(t, s.Identifies(text, people.Typed), "%s: %s", name, text)
			assert.True(t, s.Identifies(text, people.Title), "%s: %s", name, text)
			assert.False(t, s.Identifies(text, people.Coded), "%s: %s", name, text)
		}
		for _, text := range []string{"Negative", "1:128", "5-10", ""} {
			assert.False(t, s.Identifies(text, people.Typed), "%s: %s", name, text)
		}
		assert.True(t, s.Identifies("mg/nobody", people.Unit), name)
		assert.False(t, s.Identifies("mL/min/1.73_m2", people.Unit), name)
		assert.True(t, s.InID("hba1c-result"), name)
		assert.False(t, s.InID("17-a"), name)
		s.Reset()
		assert.False(t, s.Identifies("nobody", people.Typed), name)
	}
}

// Others cannot take all of the room.
func TestRoomForThePatient(t *testing.T) {
	t.Parallel()
	s := &people.Set{Max: 3}
	for i := range 10 {
		s.Add(fmt.Sprintf("Name%c", 'a'+i), people.Name, false)
	}
	s.AddName("Ada", "Lovelace", true)
	assert.True(t, s.Identifies("Ada Lovelace", people.Coded))
}

func TestHasNumber(t *testing.T) {
	t.Parallel()
	s := known()
	for number, want := range map[string][2]bool{ // with and without a unit
		"12345678": {true, true}, "5559876543": {false,
			true}, "210000": {}, "4711": {}, "12345678.5": {}, "": {}, "1e12345678": {},
		"19800605": {true, true}, "0171": {},
	} {
		assert.Equal(t, want, [2]bool{s.HasNumber(number, "mg"), s.HasNumber(number, "")}, number)
	}
	s.Miss()
	assert.True(t, s.HasNumber("210000", ""))
	assert.False(t, s.HasNumber("210000", "/uL"))
	assert.False(t, s.HasNumber("21000", ""))
}

func TestInID(t *testing.T) {
	t.Parallel()
	s := known()
	for _, id := range []string{
		"zoe-white-hba1c", "ZoeWhite1", "zoewhite-2024", "white.1", "hba1c-white2", "obs-white", "MRN0815-1",
		"mrn-0815", "obs-12345678-1", "BellHba1c", "note4711",
	} {
		assert.True(t, s.InID(id), id)
	}
	for _, id := range []string{"3fa85f64-5717-4562-b3fc-2c963f66afa6", "1", "hba1c-2024-01", "obs-1", "bellman",
		"whitecells", "eAB3mDIBBcyUKviyzrxsnAw3", ""} {
		assert.False(t, s.InID(id), id)
	}
}

// What is added is found in a text in which it stands, however it is written
// there.
func FuzzSet(f *testing.F) {
	for _, seed := range []string{
		"Lovelace", "O'Neil-Smith", "MRN 8801", "5 Devonshire St", "Ğüler", "x", "12345678", "王小明", "Nguyễn Văn An",
		"Mueller", "aeeoee", "Zoe\u0308", "ŒUVRE", "\u200bab\u00adcd", "ß", "\xff\xfe", "ﬁeld",
		"a b c d e f g h i j", "०१२३४", "ＡＢＣＤ", "unknown",
	} {
		f.Add(seed, "seen by ", " today")
		f.Add(seed, "", "")
	}
	f.Fuzz(func(t *testing.T, name, prefix, suffix string) {
		n, letters := 0, false
		for _, r := range name {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
				letters = letters || unicode.IsLetter(r)
			}
		}
		sought := n >= 4 && letters || n >= 7 // fewer digits, each in few, are the bounds of a range
		for word := range people.OrdinaryWords {
			sought = sought && !strings.Contains(strings.ToLower(name), word)
		}
		s := &people.Set{Max: 100}
		s.Add(name, people.Number, true)
		texts := []string{prefix + " " + name + " " + suffix, name}
		for _, text := range texts {
			found := s.Identifies(text, people.Typed)
			if !found && sought {
				t.Fatalf("%q is not found in %q", name, text)
			}
			if found != s.Identifies(text, people.Typed) {
				t.Fatal("it is not the same twice")
			}
			if s.Identifies(text, people.Coded) && !s.Identifies(text, people.Title) {
				t.Fatal("what is found in a text of a terminology is found in others")
			}
		}
		s.InID(name)
		people.Reaches(name)
	})
}

// The words are in the form in which words are compared, or they would match
// none.
func TestWordsOfUnitsAreFolded(t *testing.T) {
	t.Parallel()
	for unit := range people.UnitWords {
		s := &people.Set{Max: 10}
		s.Add(unit, people.Name, true)
		assert.False(t, s.Identifies(unit, people.Unit), unit)
	}
}

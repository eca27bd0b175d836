package people

// units are words of which units are made, in the form in which words are
// compared. Shorter words are no names. See https://ucum.org
var units = set(`
	mol mmol umol μmol μeq μiu μkat μgm nmol pmol fmol mole moles eqv meq ueq neq osm mosm mosmol osmol gram grams
	gms mcg mcl kgs lbs liter litre liters litres dag milligram milligrams microgram micrograms nanogram nanograms
	picogram picograms deciliter deciliters milliliter milliliters microliter microliters millimole millimoles
	micromole micromoles millimeter millimeters centimeter meter meters square cel deg degc degf degree degrees
	celsius fahrenheit kelvin kat ukat nkat mkat katal miu uiu kiu unit units arb arbitrary international bau gpl
	mpl apl feu ddu etu rlu elu sec secs second seconds msec min mins minute minutes hour hours hrs day days week
	weeks month months year years mmhg kpa pascal torr pct percent percentage ratio index score number count log ppm
	ppb titer titre dil dilution copies copy cfu pfu geq particles colonies colony organisms cell cells rbc wbc nrbc
	leukocytes erythrocytes lymphocytes neutrophils platelets crea creat creatinine hemoglobin hgb hct hpf lpf field
	fields per area beats beat breaths bpm sqm inr kcal cal kilopascal thou thousand thousands mill million millions
	billion billions nominal od sco tot total random spec specimen sample mass vol volume dose tablet tablets tab
	tabs capsule capsules cap caps drop drops puff puffs spray sprays patch patches injection application
	applications each mcn millequivalent milliequivalents`)

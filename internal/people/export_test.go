package people

var UnitWords = units

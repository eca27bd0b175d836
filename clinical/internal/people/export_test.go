package people

var UnitWords = units

var OrdinaryWords = ordinary

package fleet

import "strings"

// company is a customer as the world knows it.
type company struct {
	name, slug, tld string
	pool            int
}

// leading are the customers every fleet begins with; what is special about a
// place in this list is described at New.
var leading = []company{
	{"Brightwater Logistics Ltd", "brightwater-logistics", "co.uk", 0},
	{"Müller Hochbau GmbH", "mueller-hochbau", "de", 1},
	{"Halvorsen Dental AS", "halvorsendental", "no", 3},
	{"Atelier Lefèvre & Fils", "atelier-lefevre", "fr", 2},
	{"Redwood Orthopaedic Partners, LLC", "redwoodortho", "com", 0},
	{"Kowalczyk Transport Sp. z o.o.", "kowalczyk-transport", "pl", 3},
	{"Quixotic Jazz Vinyl Café", "qjvc", "org", 0},
	{"Stonebridge Legal LLP", "stonebridgelegal", "com", 0},
	{"Дніпро Агро ТОВ", "dnipro-agro", "ua", 4},
	{"Fujin Precision 精密", "fujin-precision", "jp", 5},
	{"Al Noor Trading النور", "alnoor-trading", "ae", 6},
	{"Talbot & Abbott Opticians", "talbot-abbott", "co.uk", 0},
}

var companyHeads = []string{
	"Alder", "Birchfield", "Calder", "Davenport", "Eastgate", "Fairholm", "Glenrock", "Hartwell", "Ironbridge", "Juniper",
	"Kestrel", "Lindqvist", "Marlowe", "Northcote", "Oakhaven", "Pemberton", "Quarry Hill", "Ravensworth", "Silverdale", "Thornbury",
	"Umber", "Vantage Point", "Westmoor", "Xenia", "Yarrow", "Zephyr", "Blackthorn", "Copperfield", "Dunmore", "Elmsworth",
}

var companyTrades = []string{
	"Architects", "Insurance Brokers", "Veterinary Clinic", "Precision Tooling", "Wealth Management", "Construction", "Pharmacy",
	"Freight", "Engineering", "Dental Care", "Estate Agents", "Brewing", "Marine Services", "Academy", "Solar", "Catering",
	"Textiles", "Laboratories", "Surveyors", "Print Works",
}

var companyEnds = []string{" Ltd", " LLC", ", Inc.", " GmbH", " AG", "", " Group", " PLC"}

var tlds = []string{"com", "co.uk", "de", "net", "ch", "org", "eu", "io"}

// companyAt is the customer at a place; after 600 the companies have two
// partners' names.
func companyAt(seed uint64, place int) company {
	if place < len(leading) {
		return leading[place]
	}
	n := place - len(leading)
	// 7 and 30*20 have no common factor: a walk through all pairs.
	pair := (n*7 + int(mix(seed, 5)%600)) % (len(companyHeads) * len(companyTrades))
	head, trade := companyHeads[pair%len(companyHeads)], companyTrades[pair/len(companyHeads)]
	if round := n / (len(companyHeads) * len(companyTrades)); round > 0 {
		head += " & " + companyHeads[(pair+7*round)%len(companyHeads)]
	}
	d := dice(mix(seed, 6, uint64(place)))
	slug := strings.ToLower(strings.NewReplacer(" & ", "-", " ", "").Replace(head + "-" + trade))
	return company{
		name: head + " " + trade + pick(&d, companyEnds),
		slug: slug,
		tld:  pick(&d, tlds),
		pool: d.intn(4),
	}
}

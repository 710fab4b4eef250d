// Package quality measures how well managed tenants find their clients, on a
// labelled set that is made here without any code of the matchers.
package quality

import "strings"

// locale is what company names of one country are made of.
type locale struct {
	tlds     []string
	people   []string   // surnames and coined names
	trades   []string   // what companies do
	cities   []string   //
	forms    [][]string // spellings of one legal form, the official one first
	before   bool       // the legal form stands before the name
	joined   bool       // no spaces between the parts
	and      string     // the word for "&"
	latin    string     // for scripts without Latin letters: how their domains begin
	standing []string   // adjectives and general words
}

func words(list string) []string { return strings.Split(list, ",") }

// spellings reads legal forms, "/" between spellings of one, "," between forms.
func spellings(list string) (forms [][]string) {
	for _, form := range words(list) {
		forms = append(forms, strings.Split(form, "/"))
	}
	return forms
}

//nolint:misspell // names of other languages
var locales = []locale{
	{ // United States
		tlds:     words("com,net,us,co,io"),
		people:   words("Anderson,Bradford,Caldwell,Donovan,Ellsworth,Fitzgerald,Granger,Hawthorne,Ingram,Jefferson,Kensington,Lancaster,Montgomery,Northrup,O'Malley,Pemberton,Quigley,Rutherford,Sullivan,Thornton,Underwood,Vandermeer,Whitaker,Yarborough,Zimmerman,Brightline,Summit,Bluewater,Redwood,Evergreen,Cornerstone,Keystone,Lakeshore,Ironwood,Silverleaf,Clearview,Stonebridge,Pinnacle,Horizon,Meridian"),
		trades:   words("Dental,Manufacturing,Insurance,Law Group,Accounting,Logistics,Construction,Plumbing,Veterinary Clinic,Real Estate,Family Medicine,Engineering,Marketing,Consulting,Electric,Architects,Wealth Management,Landscaping,Auto Repair,Pediatrics,Technologies,International,Brothers,Services"),
		cities:   words("Austin,Denver,Boise,Portland,Tampa,Madison,Omaha,Tucson,Raleigh,Fresno"),
		forms:    spellings("Inc./Inc/Incorporated,LLC/L.L.C.,Corp./Corporation,Ltd./Ltd,LLP/L.L.P.,P.C./PC,Co./Company,PLLC/P.L.L.C."),
		and:      "and",
		standing: words("First,United,Premier,Advanced,National,Family,Pacific,Midwest,Allied,Modern"),
	},
	{ // United Kingdom
		tlds:     words("co.uk,com,uk,org.uk"),
		people:   words("Ashworth,Blackwood,Chamberlain,Davenport,Eastwood,Fairfax,Greenhalgh,Hargreaves,Illingworth,Kingsley,Longbottom,McAllister,Nettleton,Osbourne,Pickering,Ramsbottom,Shackleton,Thistlethwaite,Winterbourne,Wolstenholme,Oakfield,Riverside,Foxglove,Harbourne"),
		trades:   words("Solicitors,Chartered Accountants,Estate Agents,Joinery,Building Services,Nurseries,Veterinary Practice,Care Homes,Haulage,Surveyors,Recruitment,Brewery,Property Management,Scaffolding,Opticians,Software"),
		cities:   words("Leeds,Bristol,York,Cardiff,Exeter,Norwich,Lincoln,Perth"),
		forms:    spellings("Limited/Ltd/Ltd.,LLP/L.L.P.,PLC/plc/P.L.C.,CIC/C.I.C."),
		and:      "and",
		standing: words("Northern,Royal,County,Central,Island,Heritage,Country,Village"),
	},
	{ // Germany, Austria
		tlds:     words("de,com,at,eu"),
		people:   words("Müller,Schäfer,Böhm,Krüger,Weiß,Großmann,Jäger,Lindner,Hoffmann,Brandstätter,Schönfeld,Kühn,Zöllner,Wagenknecht,Steinhauer,Rosenthal,Übelacker,Ostermann,Niedermeier,Vogelsang"),
		trades:   words("Maschinenbau,Elektrotechnik,Steuerberatung,Immobilien,Spedition,Sanitär,Zahntechnik,Bauunternehmung,Metallbau,Versicherungsmakler,Druckerei,Logistik,Gartenbau,Autohaus,Hausverwaltung,Möbelwerkstätten"),
		cities:   words("München,Köln,Düsseldorf,Nürnberg,Hamburg,Leipzig,Graz,Linz"),
		forms:    spellings("GmbH/G.m.b.H./Gesellschaft mit beschränkter Haftung,GmbH & Co. KG/GmbH und Co. KG/GmbH & Co KG,AG/Aktiengesellschaft,KG/K.G.,e.K./eK,OHG/O.H.G.,UG (haftungsbeschränkt)/UG,GbR/G.b.R."),
		and:      "und",
		standing: words("Norddeutsche,Bayerische,Allgemeine,Vereinigte,Moderne,Rheinische"),
	},
	{ // France, Belgium
		tlds:     words("fr,com,be,eu"),
		people:   words("Lefèvre,Béranger,Château,Dumoulin,Fournière,Guérin,Hébert,Lemaître,Mérieux,Noël,Rousseau,Sévigné,Théodore,Vauquelin,Brasseur,Clément,Étoile,Delacroix"),
		trades:   words("Conseil,Immobilier,Menuiserie,Transports,Assurances,Expertise Comptable,Pharmacie,Architecture,Électricité,Plomberie,Formation,Logistique,Boulangerie,Énergies"),
		cities:   words("Lyon,Orléans,Nîmes,Besançon,Toulouse,Liège,Rennes"),
		forms:    spellings("SARL/S.A.R.L./Sàrl,SAS/S.A.S.,SA/S.A./Société Anonyme,EURL/E.U.R.L.,SASU/S.A.S.U.,SPRL/S.P.R.L.,SCI/S.C.I."),
		and:      "et",
		standing: words("Générale,Nouvelle,Régionale,Grande,Européenne"),
	},
	{ // Spain, Mexico, Argentina
		tlds:     words("es,com,com.mx,com.ar,mx"),
		people:   words("Peñalver,Ibáñez,Núñez,Fernández,Gutiérrez,Castañeda,Quiñones,Domínguez,Bermúdez,Ordóñez,Zúñiga,Villaseñor,Echeverría,Arístegui,Montesinos,Saldaña"),
		trades:   words("Construcciones,Abogados,Transportes,Consultores,Inmobiliaria,Distribuciones,Seguros,Instalaciones,Ingeniería,Alimentos,Automoción,Clínica Dental,Asesoría,Logística"),
		cities:   words("Málaga,Cádiz,León,Mérida,Córdoba,Querétaro,Rosario"),
		forms:    spellings("S.L./SL/Sociedad Limitada,S.A./SA/Sociedad Anónima,S.A. de C.V./SA de CV/S.A. DE C.V.,S. de R.L. de C.V./S de RL de CV,S.L.U./SLU,S.R.L./SRL"),
		and:      "y",
		standing: words("Nacional,Unión,Nueva,Iberoamericana,General"),
	},
	{ // Italy
		tlds:     words("it,com,eu"),
		people:   words("Bianchetti,Colombo,D'Angelo,Esposito,Ferrarini,Galimberti,Lombardini,Mancuso,Pellegrini,Quaranta,Rinaldi,Santoro,Tagliabue,Zambelli,Niccolò,Verità"),
		trades:   words("Costruzioni,Trasporti,Consulenza,Immobiliare,Arredamenti,Meccanica,Assicurazioni,Studio Legale,Impianti,Alimentari,Tessuti,Officine"),
		cities:   words("Torino,Verona,Modena,Padova,Bergamo,Lecce"),
		forms:    spellings("S.r.l./SRL/Srl,S.p.A./SPA/SpA,S.n.c./SNC,S.a.s./SAS,S.r.l.s./SRLS"),
		and:      "e",
		standing: words("Nuova,Generale,Italiana,Fratelli"),
	},
	{ // Netherlands, Flanders
		tlds:     words("nl,be,com"),
		people:   words("Van den Berg,De Vries,Jansen,Hoekstra,Kuipers,Zijlstra,Verhoeven,Brouwer,Dijkstra,Wolters,Smeets,Ruijgrok,Van Leeuwen,Bosman"),
		trades:   words("Transport,Bouwbedrijf,Accountants,Makelaardij,Techniek,Tuinbouw,Installaties,Verzekeringen,Advocaten,Drukkerij,Schilderwerken,Metaalbewerking"),
		cities:   words("Utrecht,Eindhoven,Breda,Zwolle,Leiden,Gent"),
		forms:    spellings("B.V./BV/Besloten Vennootschap,N.V./NV,V.O.F./VOF,BVBA/B.V.B.A."),
		and:      "en",
		standing: words("Koninklijke,Algemene,Nieuwe,Verenigde"),
	},
	{ // Sweden, Norway, Denmark, Finland
		tlds:     words("se,no,dk,fi,com"),
		people:   words("Åkerström,Björklund,Söderberg,Östergren,Nyström,Kjærgaard,Sørensen,Mæhlum,Lindqvist,Hämäläinen,Mäkelä,Koskinen,Bergström,Ødegård,Fjellström"),
		trades:   words("Bygg,Fastigheter,Redovisning,Transport,Elektro,Konsult,Måleri,Eiendom,Rakennus,Tandvård,Plåt,Entreprenad"),
		cities:   words("Malmö,Göteborg,Umeå,Tromsø,Århus,Jyväskylä"),
		forms:    spellings("AB/Aktiebolag,AS/A/S,ApS/Anpartsselskab,Oy/OY/Osakeyhtiö,HB/Handelsbolag,ASA/A.S.A."),
		and:      "och",
		standing: words("Nordiska,Svenska,Norsk,Första"),
	},
	{ // Poland, Czechia, Slovakia
		tlds:     words("pl,cz,sk,com"),
		people:   words("Kowalczyk,Wiśniewski,Dąbrowski,Łukaszewicz,Zieliński,Wróbel,Świątek,Novák,Dvořák,Černý,Procházka,Kučera,Šťastný,Růžička,Żurawski"),
		trades:   words("Budownictwo,Transport,Doradztwo,Nieruchomości,Stavby,Elektro,Reality,Účetnictví,Usługi,Strojírna,Instalacje,Meble"),
		cities:   words("Kraków,Łódź,Gdańsk,Poznań,Plzeň,Žilina"),
		forms:    spellings("Sp. z o.o./sp. z o. o./Spółka z o.o./SP ZOO,S.A./SA,s.r.o./spol. s r.o.,a.s./akciová společnost,Sp. j./sp.j."),
		and:      "i",
		standing: words("Polskie,Moravská,Nowe,První"),
	},
	{ // Turkey
		tlds:     words("com.tr,com,net.tr"),
		people:   words("Yıldırım,Öztürk,Çelik,Şahin,Kılıç,Güneş,Aydoğan,Demirtaş,Karadağ,Uğurlu"),
		trades:   words("İnşaat,Tekstil,Lojistik,Gıda,Otomotiv,Mühendislik,Danışmanlık,Elektrik"),
		cities:   words("İzmir,Eskişehir,Muğla,Diyarbakır"),
		forms:    spellings("A.Ş./AŞ/Anonim Şirketi,Ltd. Şti./Ltd Şti/Limited Şirketi"),
		and:      "ve",
		standing: words("Yeni,Anadolu,Ulusal"),
	},
	{ // Brazil, Portugal
		tlds:     words("com.br,pt,com"),
		people:   words("Gonçalves,Magalhães,Conceição,Brandão,Araújo,Guimarães,Simões,Falcão,Antunes,Vasconcelos"),
		trades:   words("Construções,Advogados,Transportes,Contabilidade,Imobiliária,Tecnologia,Alimentos,Engenharia"),
		cities:   words("São Paulo,Goiânia,Évora,Maringá"),
		forms:    spellings("Ltda./Ltda/Limitada,Lda./Lda,S.A./SA/S/A,Unipessoal Lda/Unip. Lda"),
		and:      "e",
		standing: words("Nova,União,Nacional"),
	},
	{ // Russia, Bulgaria
		tlds:     words("ru,com,bg"),
		people:   words("Ромашка,Берёзка,Северсталь,Воскресенский,Королёв,Звёздный,Енисей,Байкал,Прометей,Меридиан,Уралмаш,Соловьёв"),
		trades:   words("Строй,Транс,Консалтинг,Логистика,Недвижимость,Инжиниринг,Медицина,Аудит"),
		cities:   words("Казань,Самара,Тюмень,Пермь"),
		forms:    spellings("ООО/Общество с ограниченной ответственностью,АО/А.О./Акционерное общество,ЗАО/З.А.О.,ИП/Индивидуальный предприниматель"),
		before:   true,
		and:      "и",
		latin:    "rus",
		standing: words("Новая,Первая,Единая"),
	},
	{ // China
		tlds:     words("cn,com.cn,com"),
		people:   words("华兴,鼎盛,瑞丰,博远,天泽,新海,宏图,星辰,永利,中科,恒信,东方"),
		trades:   words("科技,贸易,建筑,物流,投资,医疗,电子,咨询,食品"),
		cities:   words("北京,上海,深圳,杭州"),
		forms:    spellings("有限公司/有限责任公司,股份有限公司/有限公司"),
		joined:   true,
		latin:    "cn",
		standing: words("新,大"),
	},
	{ // Japan
		tlds:     words("co.jp,jp,com"),
		people:   words("山本,トヨカワ,サクラ,富士見,ニシムラ,北斗,アオバ,松永,ミナト,東雲"),
		trades:   words("製作所,商事,建設,システム,食品,運輸,電機,不動産"),
		cities:   words("大阪,名古屋,札幌"),
		forms:    spellings("株式会社/(株)/㈱,有限会社/(有),合同会社/合同会社"),
		before:   true,
		joined:   true,
		latin:    "jp",
		standing: words("新,第一"),
	},
	{ // Arab countries
		tlds:     words("ae,com.sa,com"),
		people:   words("النور,الفجر,الأمل,المستقبل,الخليج,الصقر,الواحة,الريادة,الإبداع,النخيل"),
		trades:   words("للتجارة,للمقاولات,للخدمات,للتقنية,للعقارات,للنقل"),
		cities:   words("دبي,الرياض,جدة"),
		forms:    spellings("ذ.م.م/ذ.م.م./ذمم,ش.م.م/شمم"),
		latin:    "ar",
		standing: words("الدولية,العربية"),
	},
	{ // Greece
		tlds:     words("gr,com.gr,com"),
		people:   words("Παπαδόπουλος,Γεωργίου,Νικολαΐδης,Αθηνά,Όλυμπος,Αιγαίο,Ποσειδών,Δημητρίου"),
		trades:   words("Κατασκευές,Μεταφορές,Σύμβουλοι,Ακίνητα,Τρόφιμα,Τεχνική"),
		cities:   words("Αθήνα,Πάτρα,Βόλος"),
		forms:    spellings("Α.Ε./ΑΕ/Ανώνυμη Εταιρεία,Ε.Π.Ε./ΕΠΕ,Ι.Κ.Ε./ΙΚΕ"),
		and:      "και",
		latin:    "gr",
		standing: words("Νέα,Ελληνική"),
	},
}

// shortenings are how people write long words.
//
//nolint:misspell // names of other languages
var shortenings = map[string]string{
	"Manufacturing": "Mfg", "International": "Intl", "Brothers": "Bros", "Services": "Svcs", "Management": "Mgmt",
	"Engineering": "Eng.", "Technologies": "Tech", "Construction": "Constr.", "Associates": "Assoc.", "National": "Nat'l",
	"Consulting": "Cons.", "Insurance": "Ins.", "Building": "Bldg", "Chartered": "Ch.", "Accountants": "Accts",
	"Veterinary": "Vet", "Bauunternehmung": "Bau", "Construcciones": "Const.", "Transportes": "Transp.", "Costruzioni": "Costr.",
	"Immobilier": "Immo", "Immobilien": "Immo", "Nieruchomości": "Nier.", "Marketing": "Mktg", "Logistics": "Log.",
	"Insurances": "Ins.", "Property": "Prop.", "Recruitment": "Recr.", "Fastigheter": "Fast.", "Inmobiliaria": "Inmob.",
}

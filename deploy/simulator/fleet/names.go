package fleet

// name is one part of a person's name: as it is shown, and as it stands in a
// mail address.
type name struct{ shown, ascii string }

// people is a pool of names of one language area.
type people struct {
	given, surname []name
	// surnameFirst is how full names are written there.
	surnameFirst bool
	// glue stands between the two names.
	glue     string
	language string
}

var pools = []people{
	{ // English
		language: "en-GB", glue: " ",
		given: []name{
			{"James", "james"},
			{"Emma", "emma"},
			{"Oliver", "oliver"},
			{"Charlotte", "charlotte"},
			{"Jack", "jack"},
			{"Amelia", "amelia"},
			{"Harry", "harry"},
			{"Sandra", "sandra"},
			{"George", "george"},
			{"Sally", "sally"},
			{"William", "william"},
			{"Grace", "grace"},
			{"Samuel", "samuel"},
			{"Alice", "alice"},
			{"Sam", "sam"},
		},
		surname: []name{
			{"Abbott", "abbott"},
			{"Talbot", "talbot"},
			{"Smith", "smith"},
			{"Turner", "turner"},
			{"Clarke", "clarke"},
			{"Wright", "wright"},
			{"Systemans", "systemans"},
			{"Saunders", "saunders"},
			{"O'Brien", "obrien"},
			{"O’Connor", "oconnor"},
			{"D'Arcy-Smith", "darcy-smith"},
			{"Cabot", "cabot"},
			{"Whitfield", "whitfield"},
			{"Botham", "botham"},
			{"Robottom", "robottom"},
			{"Ashworth", "ashworth"},
			{"Fletcher", "fletcher"},
			{"Hughes", "hughes"},
		},
	},
	{ // German
		language: "de-DE", glue: " ",
		given: []name{
			{"Jürgen", "juergen"},
			{"Katrin", "katrin"},
			{"Björn", "bjoern"},
			{"Sabine", "sabine"},
			{"Uwe", "uwe"},
			{"Käthe", "kaethe"},
			{"Matthias", "matthias"},
			{"Heike", "heike"},
			{"Anna", "anna"},
			{"Lukas", "lukas"},
		},
		surname: []name{
			{"Müller", "mueller"},
			{"Großmann", "grossmann"},
			{"Schäfer", "schaefer"},
			{"Köhler", "koehler"},
			{"von der Heide", "vonderheide"},
			{"Weiß", "weiss"},
			{"Bothe", "bothe"},
			{"Hofmann", "hofmann"},
			{"Süß", "suess"},
			{"Vogel", "vogel"},
		},
	},
	{ // French, Spanish, Portuguese
		language: "fr-FR", glue: " ",
		given: []name{
			{"Élodie", "elodie"},
			{"François", "francois"},
			{"Chloé", "chloe"},
			{"José", "jose"},
			{"Inês", "ines"},
			{"Begoña", "begona"},
			{"Zoë", "zoe"},
			{"Jérôme", "jerome"},
			{"María", "maria"},
			{"João", "joao"},
		},
		surname: []name{
			{"Lefèvre", "lefevre"},
			{"Núñez", "nunez"},
			{"Gonçalves", "goncalves"},
			{"D’Hérouville", "dherouville"},
			{"Chabot", "chabot"},
			{"Béranger", "beranger"},
			{"Muñoz Ortega", "munozortega"},
			{"L'Écuyer", "lecuyer"},
			{"Peña", "pena"},
			{"Garçon", "garcon"},
		},
	},
	{ // Nordic, Polish, Czech, Turkish
		language: "nb-NO", glue: " ",
		given: []name{
			{"Åse", "aase"},
			{"Søren", "soeren"},
			{"Łukasz", "lukasz"},
			{"Zdeněk", "zdenek"},
			{"Ayşe", "ayse"},
			{"İbrahim", "ibrahim"},
			{"Sølvi", "soelvi"},
			{"Jiří", "jiri"},
			{"Małgorzata", "malgorzata"},
			{"Þóra", "thora"},
		},
		surname: []name{
			{"Sørensen", "soerensen"},
			{"Wójcik", "wojcik"},
			{"Dvořák", "dvorak"},
			{"Yıldız", "yildiz"},
			{"Åkerström", "aakerstroem"},
			{"Żółkiewski", "zolkiewski"},
			{"Öztürk", "oeztuerk"},
			{"Svoboda", "svoboda"},
			{"Nygård", "nygaard"},
			{"Šimůnek", "simunek"},
		},
	},
	{ // Cyrillic
		language: "uk-UA", glue: " ",
		given: []name{
			{"Олександр", "oleksandr"}, {"Мария", "maria"}, {"Світлана", "svitlana"}, {"Дмитрий", "dmitry"}, {"Ђорђе", "djordje"}, {"Їванка", "yivanka"},
		},
		surname: []name{
			{"Шевченко", "shevchenko"}, {"Кузнецова", "kuznetsova"}, {"Петровић", "petrovic"}, {"Ковальчук", "kovalchuk"}, {"Щербаков", "shcherbakov"},
		},
	},
	{ // Chinese, Japanese, Korean
		language: "zh-CN", surnameFirst: true,
		given: []name{
			{"伟", "wei"}, {"秀英", "xiuying"}, {"建国", "jianguo"}, {"太郎", "taro"}, {"지우", "jiwoo"}, {"𠮷子", "yoshiko"},
		},
		surname: []name{
			{"王", "wang"}, {"李", "li"}, {"欧阳", "ouyang"}, {"山田", "yamada"}, {"김", "kim"}, {"髙橋", "takahashi"},
		},
	},
	{ // Arabic, Hebrew
		language: "ar-SA", glue: " ",
		given: []name{
			{"محمد", "mohammed"}, {"فاطمة", "fatima"}, {"يوسف", "yousef"}, {"נועה", "noa"}, {"عبد الرحمن", "abdulrahman"},
		},
		surname: []name{
			{"الحربي", "alharbi"}, {"خليل", "khalil"}, {"כהן", "cohen"}, {"الزهراني", "alzahrani"},
		},
	},
}

var (
	jobTitles   = []string{"Accountant", "Project Manager", "Nurse", "Sales Representative", "Head of Operations", "Paralegal", "Bürokauffrau", "Ingénieur d’études", "Systems Engineer", "Trainee", "C.E.O.", "Office Manager", "Machine Operator", "R&D \"Lead\""}
	departments = []string{"Finance", "Operations", "Sales", "IT", "Human Resources", "Legal", "Production", "Einkauf", "Forschung & Entwicklung", "Marketing"}
	cities      = []string{"London", "Zürich", "Oslo", "Lyon", "São Paulo", "Kraków", "Wien", "Leeds", "Austin"}
	countries   = []string{"United Kingdom", "Switzerland", "Norway", "France", "Brazil", "Poland", "Austria", "United Kingdom", "United States"}
	usage       = []string{"GB", "CH", "NO", "FR", "BR", "PL", "AT", "GB", "US"}
	licences    = []string{"05e9a617-0261-4cee-bb44-138d3ef5d965", "f245ecc8-75af-4f8e-b61f-27d8114de5f3", "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"}
	guestHomes  = []string{"gmail.com", "outlook.com", "fabrikam-advisors.com", "northpeak.consulting", "treuhand-lehner.at", "yahoo.co.uk"}
	sharedNames = []string{"Info", "Sales", "Accounts Payable", "Buchhaltung", "Reception", "Jobs", "Bestellungen", "Shared Mailbox Support"}
)

// serviceAccounts are the accounts of machines: the name shown and the local
// part, to which the slot is added. All of them fall under the default
// service-account patterns.
var serviceAccounts = []name{
	{"svc-backup", "svc-backup"},
	{"svc_sql", "svc_sql"},
	{"SVC.Scanner", "svc.scanner"},
	{"sa-veeam", "sa-veeam"},
	{"System-Monitor", "system-monitor"},
	{"No-Reply", "no-reply"},
	{"Noreply Newsletter", "noreply"},
	{"Do Not Reply", "donotreply"},
	{"Invoice Automation", "invoice.automation-"},
	{"Print Daemon", "print.daemon-"},
	{"Helpdesk Bot", "helpdesk.bot-"},
	{"Service Account", "sap.connector"},
	{"Automated Reports", "reports"},
	{"Shared Mailbox Archive", "archive"},
}

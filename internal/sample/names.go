package sample

var firstNames = []string{
	"Aaliyah", "Abel", "Ada", "Agnes", "Alejandro", "Amara", "Amir", "Anneliese", "Arturo", "Astrid",
	"Beatriz", "Benjamin", "Bronwen", "Camila", "Cheng", "Clara", "Cornelius", "Dalia", "Darius", "Delphine",
	"Dmitri", "Dolores", "Edith", "Eduardo", "Eleni", "Emeka", "Esther", "Farida", "Fiona", "Florence",
	"Gabriel", "George", "Gloria", "Graciela", "Hana", "Harold", "Helga", "Hiroshi", "Ibrahim", "Imani",
	"Ingrid", "Isaac", "Ivy", "Jamal", "Josefina", "José", "Joyce", "Kamala", "Keiko", "Kwame",
	"Leticia", "Lionel", "Lucía", "Magnus", "Malik", "Marguerite", "Marta", "Mei", "Miriam", "Mohammed",
	"Nadia", "Ngozi", "Nils", "Noor", "Olga", "Oscar", "Pauline", "Pedro", "Quentin", "Rafael",
	"Rosa", "Ruth", "Samuel", "Sanjay", "Simone", "Sofía", "Stanley", "Svetlana", "Tariq", "Thelma",
	"Uma", "Ursula", "Valentina", "Vernon", "Victor", "Wanda", "Wilhelmina", "Xiomara", "Yusuf", "Zoë",
}

var lastNames = []string{
	"Abara", "Adeyemi", "Aguilar", "Almeida", "Andersson", "Arslan", "Baptiste", "Baranov", "Becker", "Bianchi",
	"Bustamante", "Caldwell", "Castellanos", "Chandra", "Chowdhury", "Christensen", "Cruz", "D'Angelo", "Delgado", "Diallo",
	"Dubois", "Ellison", "Eriksen", "Escobar", "Fairbanks", "Farouk", "Fernández", "Fitzgerald", "Fujimoto", "Gallagher",
	"García", "Goldstein", "Guerrero", "Hakimi", "Hargrove", "Hernández", "Hoang", "Hussein", "Ivanova", "Jankowski",
	"Jefferson", "Kaplan", "Kim", "Kowalczyk", "Kruger", "Laurent", "Lindgren", "Lombardi", "MacLeod", "Mahmoud",
	"Marchetti", "Mbeki", "Mendoza", "Mitchell", "Montoya", "Nakamura", "Nguyễn", "Novak", "O'Connor", "Oduya",
	"Okonkwo", "Olsen", "Ortega", "Papadopoulos", "Patel", "Pereira", "Petrov", "Quispe", "Ramírez", "Reyes",
	"Rosenberg", "Saito", "Salazar", "Schneider", "Silva", "Sørensen", "Takahashi", "Thompson", "Tran", "Ueda",
	"Van der Berg", "Vasquez", "Villanueva", "Washington", "Weiss", "Williamson", "Yamamoto", "Yilmaz", "Zhang", "Zimmermann",
}

var streets = []string{
	"Elm Street", "Maple Avenue", "Harbor Road", "Mill Lane", "Second Street", "Orchard Drive", "Station Road",
	"Lincoln Avenue", "Prospect Street", "Cedar Court", "Willow Way", "Market Street", "Church Street", "Hillcrest Road",
}

// towns belong to a facility, so that an address lies where the patient is seen.
var towns = map[string][]string{
	"harbor-view": {"Long Beach, CA 90802", "San Pedro, CA 90731", "Torrance, CA 90501"},
	"islands":     {"Hilo, HI 96720", "Kailua, HI 96734"},
	"lakeside":    {"Evanston, IL 60201", "Skokie, IL 60076", "Oak Park, IL 60302"},
	"mesa":        {"Mesa, AZ 85201", "Gilbert, AZ 85233", "Tempe, AZ 85281"},
	Riverside:     {"Yonkers, NY 10701", "New Rochelle, NY 10801", "White Plains, NY 10601"},
	"summit":      {"Boulder, CO 80302", "Golden, CO 80401"},
}

var areaCodes = map[string]string{
	"harbor-view": "310", "islands": "808", "lakeside": "847", "mesa": "480", Riverside: "914", "summit": "303",
}

// Canary is a name that appears nowhere else: a test finds it if it leaks into
// a log, a mail or an address. It is the first patient's.
const Canary = "Zqxvcanary Testperson"

// HostileNames are what real registers hold and careless programs break on.
// They are the names of the patients after the canary. A name has no line end.
var HostileNames = []string{
	`=SUM(A1:A9)`,
	`=HYPERLINK("http://example.org","Ann")`,
	`+1-555-0100 Jones`,
	`-2+3 Dash`,
	`@SUM(1+1) Atkins`,
	`<script>alert("x")</script>`,
	`<b>Bold</b> & Sons`,
	`"Quoted" Name`,
	`O'Brien-O'Neil`,
	`Robert'); DROP TABLE patients;--`,
	`Comma, Jr., James`,
	`Semi;Colon`,
	`Back\slash \n Percent%20`,
	`{{template}} ${jndi:x} %s`,
	`محمد بن سلمان الأحمد`,
	`שרה כהן־לוי`,
	"Mixed \u202eRTL override",
	`👩‍⚕️ Emoji 🏥 Family`,
	"Zo\u0308e\u0301 Combining\u0301\u0323\u0308",
	`李小龍`,
	`ß ſ İ ı ﬁ Casefold`,
	"  Spaces   inside  ",
	`null`,
	`NaN`,
	`1E5`,
	`#REF!`,
	`𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕬𝖘𝖙𝖗𝖆𝖑`,
	longName,
}

// longName has 200 characters.
const longName = "Wolfeschlegelsteinhausenbergerdorff Adolph Blaine Charles David Earl Frederick Gerald Hubert Irvin " +
	"John Kenneth Lloyd Martin Nero Oliver Paul Quincy Randolph Sherman Thomas Uncas Victor William Xerxes"

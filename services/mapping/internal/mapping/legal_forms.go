package mapping

import (
	"slices"
	"strings"
)

// trailingForms are the legal forms that stand at the end of a name, by country
// or language, as people write them: dots, accents and case are folded like those
// of a name. A form stands where it was first needed; many are used by several
// countries.
const trailingForms = `
	United States: Inc | Incorporated | LLC | LLP | LLLP | LP | PLLC | PC | Corp | Corporation | Co | Company
	United Kingdom, Ireland: Ltd | Limited | PLC | Public Limited Company | CIC | CIO | CLG | DAC | Limited Liability Partnership
	India, Pakistan, Bangladesh: Pvt Ltd | Pvt | Private Limited | Private Ltd | P Ltd | OPC
	Australia, South Africa: Pty Ltd | Pty | Pty Limited | Proprietary Limited | Proprietary | NPC | CC
	Singapore, Malaysia: Pte Ltd | Pte | Pte Limited | Sdn Bhd | Sdn | Bhd | Berhad
	Canada: Ltée | Ltee | Limitée | Inc Ltée | ULC | Cie | Compagnie
	Germany: GmbH | mbH | gGmbH | AG | KG | KGaA | OHG | GbR | UG | UG haftungsbeschränkt | e.V. | eG | e.K. | e.Kfm. | e.Kfr. | PartG | PartGmbB | PartG mbB | Aktiengesellschaft | Gesellschaft mit beschränkter Haftung | Kommanditgesellschaft | eingetragener Verein
	Austria: GesmbH | Ges.m.b.H. | Gesellschaft m.b.H. | OG | e.U. | KEG | OEG
	Switzerland: Sàrl | Sagl | S.a.g.l. | Genossenschaft
	European Union: SE | SCE | EWIV | EEIG | GEIE
	France: SA | SARL | SAS | SASU | SNC | EURL | SCI | SCOP | SCM | SCP | SELARL | SELAS | GIE | SCA | SAS U | Société Anonyme | Société par actions simplifiée | Société à responsabilité limitée
	Belgium: SPRL | BVBA | SRL | CVBA | SCRL | ASBL | VZW | Comm. V | CommV | SComm
	Luxembourg: S.à r.l. | S.à r.l.-S | Sarl-S | SICAV | Soparfi | SCSp | SECS
	Netherlands: BV | NV | VOF | CV | Besloten Vennootschap | Naamloze Vennootschap | Coöperatief UA
	Spain: SL | SLU | SLNE | SLP | SLL | SAU | SAL | S. Coop. | SCoop | SC | CB | Sociedad Limitada | Sociedad Anónima
	Portugal: Lda | Limitada | Unipessoal Lda | Unipessoal | SGPS | SGPS SA | CRL
	Italy: SpA | Srl | Srls | SapA | Sas | Snc | Ss | Scarl | Scrl | S.c.a r.l. | Soc. Coop. | Soc. Coop. a r.l. | a r.l. | Società per azioni | Società a responsabilità limitata
	Sweden: AB | AB publ | HB | KB | Aktiebolag | Aktiebolaget | Handelsbolag | Ek. för.
	Norway: AS | ASA | ANS | ENK | NUF | Aksjeselskap
	Denmark: A/S | ApS | I/S | K/S | P/S | IVS | A.m.b.a. | Aktieselskab | Anpartsselskab
	Finland: Oy | Oyj | Oy Ab | Ab Oy | Abp | Ky | Tmi | Osk | Osakeyhtiö
	Iceland: hf | ehf | ohf | slf | sf
	Estonia: OÜ | AS | TÜ | UÜ | FIE | MTÜ | Osaühing | Aktsiaselts
	Latvia: SIA | AS | IK | KS
	Lithuania: UAB | AB | MB | IĮ | VšĮ | ŽŪB
	Poland: Sp. z o.o. | Sp. z o. o. | Spzoo | Sp. zoo | Sp. z o.o. Sp. k. | SA | Sp. j. | Sp. k. | Sp. p. | S.K.A. | PSA | s.c. | Spółka z o.o. | Spółka z ograniczoną odpowiedzialnością | Spółka Akcyjna | Spółka jawna | Spółka komandytowa
	Czechia: s.r.o. | spol. s r.o. | spol. s.r.o. | společnost s ručením omezeným | a.s. | v.o.s. | k.s. | z.s. | o.p.s. | akciová společnost | družstvo
	Slovakia: s.r.o. | spol. s r. o. | a.s. | j.s.a. | spoločnosť s ručením obmedzeným
	Hungary: Kft | Zrt | Nyrt | Bt | Kkt | Rt | Korlátolt Felelősségű Társaság | Betéti Társaság
	Slovenia: d.o.o. | d.d. | d.n.o. | k.d. | s.p. | z.o.o. | z.b.o.
	Croatia: d.o.o. | j.d.o.o. | d.d. | j.t.d. | obrt
	Serbia, Bosnia, Montenegro: d.o.o. | a.d. | o.d. | SZR | д.о.о. | а.д.
	North Macedonia: DOOEL | DOO | ДООЕЛ | ДОО | АД
	Albania, Kosovo: Sh.p.k. | Sh.a. | ShPK | ShA
	Romania, Moldova: SRL | SRL-D | SA | PFA | SCS | SNC | ÎI | Î.M.
	Bulgaria: OOD | EOOD | AD | EAD | ООД | ЕООД | АД | ЕАД | ЕТ
	Greece, Cyprus: ΑΕ | ΕΠΕ | ΙΚΕ | ΟΕ | ΕΕ | ΑΒΕΕ | ΑΕΒΕ | AE | EPE | IKE | Ανώνυμη Εταιρεία | Μονοπρόσωπη ΙΚΕ
	Russia, Belarus, Kazakhstan: OOO | OAO | ZAO | PAO | AO | TOO | ООО | ОАО | ЗАО | ПАО | АО | НАО | ИП | ТОО | ОДО | УП | ЧУП | ЖШС
	Ukraine: ТОВ | ТзОВ | ПП | ПрАТ | ПАТ | АТ | ФОП | ДП | ЧП | TOV
	Georgia, Armenia, Azerbaijan: შპს | სს | MMC | ASC | QSC | ՍՊԸ | ՓԲԸ | ԲԲԸ | CJSC | OJSC
	Turkey: A.Ş. | Ltd. Şti. | Limited Şirketi | Anonim Şirketi | Şti. | San. ve Tic. A.Ş. | San. ve Tic. Ltd. Şti. | Sanayi ve Ticaret A.Ş. | Sanayi ve Ticaret Ltd. Şti. | San. Tic. Ltd. Şti.
	Israel: בע״מ
	Gulf states: FZE | FZCO | FZ LLC | FZ-LLC | FZC | DMCC | WLL | SPC | LLC FZ | SAOG | SAOC | BSC | KSC | KSCC | QSC | QPSC | PJSC | PrJSC | Establishment
	Arabic: ذ.م.م | ذمم | ش.م.م | ش.م.ع | ش.م.ل | ش.م.ع.م | ش.ش.و | ش.م.ب | ش.م.ك | م.م.ح | المحدودة | ذات مسؤولية محدودة | شركة مساهمة
	Egypt, Lebanon, Maghreb: SAE | SAL | SARL AU | SUARL | SPA | SARLAU
	Iran: PJS | با مسئولیت محدود | سهامی خاص | سهامی عام
	Nigeria, Ghana, Kenya: Nig Ltd | Nigeria Ltd | Nigeria Limited | EPZ
	Mexico: SA de CV | SAPI de CV | SAB de CV | S de RL de CV | S de RL | S en C | SC de RL | SC | S de RL MI
	Brazil: Ltda | Ltda ME | Ltda EPP | EPP | EIRELI | S/A | Cia | MEI | SLU | Companhia
	Argentina, Chile, Colombia, Peru: SA | SAC | SAA | EIRL | SAIC | SACI | SACIF | SpA | Ltda | SAS | SRL | S en C | SCA | Cía Ltda | E.U. | S.A.S. ESP | SA ESP
	Venezuela, Ecuador: CA | C.A. | Cía. | Compañía Limitada | Compañía Anónima
	Caribbean, islands: Ltd Co | IBC | NV | SPC
	Japan: KK | K.K. | GK | G.K. | YK | Kabushiki Kaisha | Kabushiki Gaisha | Godo Kaisha | Yugen Kaisha | Co Ltd | 株 | 有 | 同
	China, Taiwan, Hong Kong: Co Ltd | Co Limited | Company Limited | HK Limited | HK Ltd
	Korea: Co Ltd | Chusik Hoesa | 주 | 유
	Thailand: PCL | Public Company Limited | Company Limited | Part Ltd
	Vietnam: JSC | Joint Stock Company | TNHH | TNHH MTV | Co Ltd | CTCP
	Indonesia: Tbk | Persero | Perseroan Terbatas
	Philippines: Inc | Corp | OPC
	Any: Limited Company | Limited Liability Company | Joint Stock Company
`

// leadingForms are the legal forms that stand before a name.
const leadingForms = `
	Russia, Belarus, Kazakhstan: OOO | OAO | ZAO | PAO | AO | TOO | IP | ООО | ОАО | ЗАО | ПАО | АО | НАО | ИП | ТОО | ОДО | ЧУП | УП | ЖШС | Общество с ограниченной ответственностью | Акционерное общество | Индивидуальный предприниматель
	Ukraine: ТОВ | ТзОВ | ПП | ПрАТ | ПАТ | АТ | ФОП | ДП | TOV | Товариство з обмеженою відповідальністю
	Bulgaria: ЕТ
	Indonesia: PT | CV | UD | PT Persero
	Latvia, Lithuania, Estonia: SIA | UAB | AB | AS | OÜ | MB | VšĮ | IĮ
	Romania: SC | S.C.
	France, Maghreb: SARL | SAS | EURL | SCI
	Arabic: شركة | مؤسسة
	Iran: شرکت
	Vietnam: Công ty TNHH | Công ty TNHH MTV | Công ty Cổ phần | Công ty CP | CTCP | Công ty trách nhiệm hữu hạn | Công ty
	Japan, Korea: 株 | 有 | 同 | 주 | 유
	Georgia: შპს | სს
	Finland, Sweden: Oy | Aktiebolaget
`

// attachedForms are the legal forms that are written without a space, before or
// after a name; those that hold another come first.
const attachedForms = `
	China, Taiwan, Hong Kong: 股份有限公司 | 有限责任公司 | 有限責任公司 | 集团有限公司 | 有限公司 | 无限公司 | 公司
	Japan: 株式会社 | 有限会社 | 合同会社 | 合資会社 | 合名会社 | 一般社団法人 | 一般財団法人
	Korea: 주식회사 | 유한회사 | 유한책임회사 | 합자회사
	Thailand: บริษัท | จำกัดมหาชน | จำกัด | ห้างหุ้นส่วน | หจก
`

var (
	trailing = outermost(formWords(trailingForms), func(form []string) string { return form[len(form)-1] })
	leading  = outermost(formWords(leadingForms), func(form []string) string { return form[0] })
	attached = func() (forms []string) {
		for _, words := range formWords(attachedForms) {
			forms = append(forms, strings.Join(words, ""))
		}
		return forms
	}()
)

// formWords reads a list of forms, as names are read.
func formWords(list string) (forms [][]string) {
	for line := range strings.Lines(list) {
		_, written, _ := strings.Cut(line, ":")
		for form := range strings.SplitSeq(written, "|") {
			if words := wordsOf(form); len(words) > 0 {
				forms = append(forms, words)
			}
		}
	}
	return forms
}

// outermost arranges forms by the word that stands at the end of a name, longer
// forms first.
func outermost(forms [][]string, word func(form []string) string) map[string][][]string {
	slices.SortStableFunc(forms, func(a, b []string) int { return len(b) - len(a) })
	by := map[string][][]string{}
	for _, form := range forms {
		by[word(form)] = append(by[word(form)], form)
	}
	return by
}

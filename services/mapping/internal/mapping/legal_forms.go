package mapping

import (
	"slices"
	"strings"
)

// legalForms stand at the end of a name, in words as NormaliseName makes them
// before it joins them; those of more words first.
var legalForms = func() [][]string {
	const list = `
		inc|incorporated|llc|llp|lllp|lp|pllc|pc|corp|corporation|co|company|ltd|limited|plc|cic|cio
		pty|proprietary|pty ltd|pte|pte ltd|pvt|pvt ltd|private limited|sdn bhd|bhd|berhad
		gmbh|mbh|ggmbh|gesmbh|gesellschaft mbh|ag|kg|kgaa|ohg|gbr|ug|ug haftungsbeschrankt|ev|eg|ek|ekfm|partg|partgmbb|se
		sa|sarl|sas|sasu|snc|eurl|sci|scop|sca|spa|srl|srls|sapa|ss|scarl|sl|slu|slne|slp|sll|sau|sc|scoop
		sa de cv|sapi de cv|s de rl de cv|s de rl|sde rl|de cv|ltda|limitada|eireli|epp|lda|unipessoal lda
		bv|nv|bvba|sprl|cvba|vof|cv|ca
		ab|hb|as|asa|ans|aps|is|oy|oyj|abp|ky|ehf|hf
		sp z oo|sp zoo|spzoo|spolka z oo|spj|spk|sro|spol sro|vos|kft|zrt|nyrt|bt|doo|dd|dno|eood|ood|ead|sc|pfa
		oü|ou|uab|sia|as|ik|ab
		ooo|oao|zao|pao|ao|too|llp|ооо|оао|зао|пао|ао|ип|тоо|тов|чп|фоп
		as|ltd sti|sti|limited sirketi|anonim sirketi
		kk|gk|yk|co ltd|company limited|pcl|public company limited|tbk
		jsc|ojsc|cjsc|pjsc|fze|fzco|fzllc|fz llc|dmcc|wll|saog|saoc|llc fz
		αε|επε|εε|οε|ικε|ae|epe|ike
		ذمم|شمم|شمل|شممم
		בעמ
	`
	var forms [][]string
	for form := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == '|' || r == '\n' }) {
		if words := strings.Fields(form); len(words) > 0 {
			forms = append(forms, words)
		}
	}
	slices.SortStableFunc(forms, func(a, b []string) int { return len(b) - len(a) })
	return forms
}()

// leadingForms stand before a name.
var leadingForms = []string{
	"ooo", "oao", "zao", "pao", "too", "ооо", "оао", "зао", "пао", "ао", "ип", "тоо", "тов", "фоп",
	"pt", "cv", "uab", "sia", "شركة",
}

// attachedForms are written without a space, before or after a name.
var attachedForms = []string{
	"股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "公司",
	"株式会社", "有限会社", "合同会社", "合資会社", "合名会社",
	"주식회사", "유한회사",
}

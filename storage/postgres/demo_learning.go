package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// demoQuestions are the test of the demo's first course.
var demoQuestions = []lms.Item{
	{
		Kind: lms.ItemSingle, Text: "What does a low AMH predict best?",
		Options: []string{"A low number of oocytes at retrieval", "A low chance of ever having a child", "An early miscarriage"}, Right: []int{0},
		Why: "AMH tells of the number of oocytes, hardly of their quality.",
	},
	{
		Kind: lms.ItemMultiple, Text: "Which of these change a measured AMH?",
		Options: []string{"The assay", "Oral contraceptives", "The day of the cycle, by much", "Ovarian surgery"}, Right: []int{0, 1, 3},
		Why: "Within a cycle it changes little.",
	},
	{
		Kind: lms.ItemOrder, Text: "Order by the expected number of oocytes, the fewest first.",
		Options: []string{"AMH 0.3 ng/mL, 3 follicles", "AMH 1.1 ng/mL, 8 follicles", "AMH 2.4 ng/mL, 14 follicles", "AMH 6.8 ng/mL, 28 follicles"},
	},
	{
		Kind: lms.ItemNumeric, Text: "A count of 6 follicles on the left and 5 on the right: what is the antral follicle count?", Number: 11, Unit: "follicles",
	},
}

// insertDemoLearning gives the courses of a demo their rules for credit, and the first one a test.
func insertDemoLearning(ctx context.Context, tx pgx.Tx, now time.Time, programme lms.ProgrammeID, first lms.CourseID) error {
	rows, err := tx.Query(ctx, `select id from courses where programme_id = $1 order by number`, programme)
	if err != nil {
		return err
	}
	courses, err := pgx.CollectRows(rows, pgx.RowTo[lms.CourseID])
	if err != nil {
		return err
	}
	for _, q := range demoQuestions {
		item, err := q.Validate()
		if err != nil {
			return err
		}
		id, err := addItem(ctx, tx, now, first)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into test_item_versions (item_id, version, item, made_at) values ($1, 1, $2, $3)`, id, item, now); err != nil {
			return err
		}
	}
	for _, course := range courses {
		if err := insertRules(ctx, tx, now, "", course, 1, demoRules(course == first)); err != nil {
			return err
		}
	}
	design := lms.DefaultDesign()
	design.Organiser = "Sample Academy of Reproductive Medicine"
	design.Signatories = []lms.Signatory{{Name: "Dr Meera Nambiar", Title: "Course director"}, {Name: "Dr Tomás Ferreira", Title: "Scientific committee"}}
	_, err = tx.Exec(ctx, `insert into certificate_designs (programme_id, design, changed_at) values ($1, $2, $3)`, programme, design, now)
	return err
}

func demoRules(test bool) lms.CourseRules {
	rule := lms.Rule{Kind: lms.RuleAll, Of: []lms.Rule{{Kind: lms.RuleWatched, Share: lms.CountsShare}}}
	if test {
		rule.Of = append(rule.Of, lms.Rule{Kind: lms.RuleTest})
	}
	rule.Of = append(rule.Of, lms.Rule{Kind: lms.RuleEvaluation})
	return lms.CourseRules{Rule: rule, Types: []lms.CreditType{{
		Key: "sample", Name: "Sample credit", Provider: "Sample Academy of Reproductive Medicine", UnitMinutes: 60, Increment: 1, Rounding: lms.RoundDown,
		Min: 1, Max: 100, Modality: lms.ModalityBlended, Statement: "{provider} gives {credits} of at most {max} credits for this lecture of the demo. They count nowhere.",
	}}}
}

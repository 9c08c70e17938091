package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lectern/lms"
)

// searchHits bounds what a search finds.
const searchHits = 40

// Marks around a word that was found, in Hit.Excerpt.
const (
	HitStart = "\x02"
	HitEnd   = "\x03"
)

// Hit is a course, or a page of its material, in which all words were found that somebody looked for.
type Hit struct {
	Course   lms.CourseID
	Number   int
	Title    string
	Material *lms.MaterialID // nil for the course itself
	Name     string          // of the material
	Page     int             // of the material; 0 for its name
	Excerpt  string          // with HitStart and HitEnd around what was found
}

// Search finds words in the courses that the actor may watch, and in the pages of their material. Each word may be the
// beginning of one.
func (db *DB) Search(ctx context.Context, actor lms.Actor, words []string) ([]Hit, error) {
	if len(words) == 0 {
		return nil, nil
	}
	// A quoted operand is parsed as the text of pages is, so that both are cut alike.
	terms := make([]string, 0, len(words))
	for _, word := range words {
		terms = append(terms, "'"+strings.NewReplacer("'", "''", `\`, "").Replace(word)+"':*")
	}
	query := strings.Join(terms, " & ")
	var hits []Hit
	err := db.tx(ctx, "search", func(tx pgx.Tx, now time.Time) error {
		courses, err := loadCourses(ctx, tx, now, actor, programmesOf(actor), nil)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(courses))
		texts := make([]string, 0, len(courses))
		for _, c := range courses {
			ids = append(ids, string(c.ID))
			said := []string{c.Title, c.Summary, c.Programme.Title}
			for _, p := range c.Presenters {
				said = append(said, p.Name)
			}
			texts = append(texts, lms.Folded(strings.Join(said, " \n ")))
		}
		rows, err := tx.Query(ctx, `
			with mine as (select * from unnest($1::uuid[], $2::text[]) as t (id, said)), query as (select to_tsquery('simple', $3) as q)
			select courses.id, courses.number, courses.title, found.material, found.name, found.page, found.excerpt
			from mine join courses on courses.id = mine.id, query, lateral (
				select null::uuid as material, '' as name, 0 as page, left(courses.summary, 240) as excerpt, 1 as rank
				where to_tsvector('simple', mine.said) @@ q
				union all
				select materials.id, materials.name, material_pages.number,
					ts_headline('simple', material_pages.text, q, 'StartSel=' || $4 || ', StopSel=' || $5 || ', MaxFragments=1, MaxWords=24, MinWords=8'), 0
				from materials join material_pages on material_pages.material_id = materials.id
				where materials.course_id = courses.id and materials.state = 'ready' and materials.removed_at is null and material_pages.words @@ q
			) as found
			order by courses.number, courses.id, found.rank desc, found.name, found.page
			limit $6`, ids, texts, query, HitStart, HitEnd, searchHits)
		if err != nil {
			return err
		}
		hits, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Hit])
		return err
	})
	return hits, err
}

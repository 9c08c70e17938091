package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"lectern/lms"
	"lectern/media/document"
	"lectern/storage/object"
	"lectern/storage/postgres"
)

// How often the queue of files is looked at, and told of the work; what was removed is deleted every tenth look.
const (
	materialLook = 10 * time.Second
	materialSay  = 20 * time.Second
)

// errMaterialGone is why work ends that nobody wants any more, or that another node does.
var errMaterialGone = errors.New("removed, or taken over by another node")

// ConvertMaterials makes the pages of uploaded files, one file at a time, until ctx ends. What it is at then, another start
// or node begins again.
func (s *Server) ConvertMaterials(ctx context.Context) error {
	if s.materials.Store == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(materialLook)
	defer tick.Stop()
	for look := 0; ; look++ {
		if look%10 == 0 {
			s.sweepMaterials(ctx)
		}
		for s.materials.Converter != nil && ctx.Err() == nil {
			task, found, err := s.db.ClaimMaterial(ctx, s.holder)
			if err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "queue of materials not read", "error", err)
			}
			if err != nil || !found {
				break
			}
			s.convertMaterial(ctx, task)
		}
		select {
		case <-tick.C:
		case <-s.converting:
		case <-ctx.Done():
			return nil
		}
	}
}

// convertMaterial makes the pages of one file, or tells why there are none.
func (s *Server) convertMaterial(ctx context.Context, t postgres.MaterialTask) {
	working, stop := context.WithCancelCause(ctx)
	var done, total atomic.Int64
	said := make(chan struct{})
	go func() {
		defer close(said)
		s.sayMaterialProgress(working, t, &done, &total, stop)
	}()
	pages, err := s.makePages(working, t, func(made, of int) { done.Store(int64(made)); total.Store(int64(of)) })
	lost := errors.Is(context.Cause(working), errMaterialGone)
	stop(nil)
	<-said
	after := context.WithoutCancel(ctx) // the queue is told, even at the end of the program
	switch {
	case lost:
		return
	case err == nil:
		_, err = s.db.FinishMaterial(after, s.holder, t.ID, pages)
	case ctx.Err() != nil:
		err = s.db.ReleaseMaterial(after, s.holder, t.ID)
	default:
		reason, final := materialReason(err)
		s.log.InfoContext(ctx, "material not converted", "material", t.ID, "kind", t.Kind, "final", final, "error", err)
		err = s.db.FailMaterial(after, s.holder, t.ID, reason, final)
	}
	if err != nil {
		s.log.WarnContext(ctx, "work on material not noted", "material", t.ID, "error", err)
	}
}

// materialReason is what whoever uploaded a file is told, and whether another try is of no use.
func materialReason(err error) (reason string, final bool) {
	for _, own := range []error{document.ErrBroken, document.ErrLocked, document.ErrManyPages, document.ErrTooLarge, document.ErrMacros} {
		if errors.Is(err, own) {
			return "The file cannot be shown: " + own.Error() + ".", true
		}
	}
	switch {
	case errors.Is(err, document.ErrTooHard):
		return "The file cannot be shown: " + document.ErrTooHard.Error() + ".", false
	case errors.Is(err, document.ErrUnable):
		return "The server could not convert the file. Tell the operator.", false
	}
	return "Something went wrong on our side while the file was converted. Try again.", false
}

// sayMaterialProgress keeps the claim, and stops the work when it is lost.
func (s *Server) sayMaterialProgress(ctx context.Context, t postgres.MaterialTask, done, total *atomic.Int64, stop context.CancelCauseFunc) {
	tick := time.NewTicker(materialSay)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		mine, err := s.db.MaterialProgress(ctx, s.holder, t.ID, int(done.Load()), int(total.Load()))
		if err == nil && !mine {
			stop(errMaterialGone)
			return
		} // a database that is away for a moment is asked again
	}
}

// makePages fetches a file, has its pages made and stores their pictures.
func (s *Server) makePages(ctx context.Context, t postgres.MaterialTask, tell func(done, of int)) ([]postgres.MaterialPage, error) {
	folder, err := os.MkdirTemp(s.materials.Folder, "convert-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "file")
	if err := s.fetchMaterial(ctx, t, file); err != nil {
		return nil, err
	}
	out := filepath.Join(folder, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		return nil, err
	}
	var pages []postgres.MaterialPage
	err = s.materials.Converter.Convert(ctx, document.Kind(t.Kind), file, out, func(p document.Page, of int) error {
		page := postgres.MaterialPage{Number: p.Number, Text: p.Text}
		for _, picture := range p.Pictures {
			name := strconv.Itoa(p.Number) + "-" + strconv.Itoa(picture.Size) + ".jpg"
			if err := s.storePicture(ctx, materialKey(t.Course, t.ID, name), picture.Path); err != nil {
				return err
			}
			page.Width, page.Height = picture.Width, picture.Height
		}
		pages = append(pages, page)
		tell(len(pages), of)
		_, err := s.db.MaterialProgress(ctx, s.holder, t.ID, len(pages), of)
		return err
	})
	return pages, err
}

// fetchMaterial brings a file out of the store, which must be as it was uploaded.
func (s *Server) fetchMaterial(ctx context.Context, t postgres.MaterialTask, path string) error {
	body, err := s.materials.Store.Get(ctx, materialKey(t.Course, t.ID, "original"), 0, -1)
	if err != nil {
		return fmt.Errorf("fetch material: %w", err)
	}
	defer body.Close()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, t.Bytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("fetch material: %w", err)
	}
	if n != t.Bytes || string(sum.Sum(nil)) != string(t.SHA256) {
		return fmt.Errorf("fetch material: %w", object.ErrMismatch)
	}
	return nil
}

func (s *Server) storePicture(ctx context.Context, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	return s.materials.Store.Put(ctx, key, f, size, [sha256.Size]byte(h.Sum(nil)))
}

// sweepMaterials deletes the objects of files that were removed a day ago or never stored whole.
func (s *Server) sweepMaterials(ctx context.Context) {
	left, err := s.db.Leftovers(ctx)
	for _, m := range left {
		if _, err = object.DeleteAll(ctx, s.materials.Store, materialKey(m.Course, m.ID, "")); err != nil {
			break
		}
		if err = s.db.ForgetMaterial(ctx, m.ID); err != nil {
			break
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, lms.ErrNotFound) {
		s.log.WarnContext(ctx, "materials not swept", "error", err)
	}
}

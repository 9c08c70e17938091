package hls

import "time"

// cut is the end of a segment and the start of the next.
type cut struct {
	at      time.Duration // whole milliseconds
	decided time.Duration
	leader  *layer        // whose picture begins the next segment; nil when none does
	picture time.Duration // exact place of that picture
	forced  bool          // that picture is no keyframe
}

// begin opens a segment after nothing: at a keyframe, or when only sound comes, at the sound.
func (p *packager) begin() bool {
	end := p.archive.catalog.contents.end()
	l, k := p.candidate(end - nearArrived)
	c := &cut{decided: p.now, leader: l}
	patience := cutWait // for the keyframes of better layers
	switch {
	case l != nil:
		c.picture = l.frames[k].at
		c.at = c.picture
		if p.everyLayerHasKey() {
			patience = 0
		}
	case p.sound.alive(p.now):
		c.at = max(timeOfSamples(p.sound.first), p.now-segmentTarget)
		if patience = segmentMin; p.camera != "" {
			patience = stalled // for any picture
		}
	default:
		p.waiting = -1
		return false
	}
	if p.waiting < 0 {
		p.waiting = p.now
	}
	if p.now-p.waiting < patience {
		return false
	}
	p.waiting = -1
	c.at = max(c.at, end).Round(time.Millisecond)
	return p.open(c)
}

// everyLayerHasKey says whether there is nothing better to wait for.
func (p *packager) everyLayerHasKey() bool {
	for _, l := range p.layers {
		if !l.live(p.now) {
			return false
		}
	}
	return true
}

// findCut decides where the open segment ends, if that is known by now.
func (p *packager) findCut() *cut {
	if p.segment.slate {
		return p.findSlateCut()
	}
	if l := p.leader(); l != nil {
		return p.findLeaderCut(l)
	}
	if l := p.segment.layers.best(func(l *layer) bool { return l.ended && len(l.frames) > 0 }); l != nil {
		if c := p.findLeaderCut(l); c != nil { // the camera has gone faster than its pictures could be cut
			return c
		}
	}
	last, heard := p.lastPicture()
	if l, k := p.candidate(last); l != nil { // the layers of the segment have gone, another is there
		if l.frames[k].at > p.segment.start+segmentMax {
			return p.newStop(last)
		}
		return p.newCut(l, k)
	}
	gone := p.camera == "" && (p.sound.present() == 0 || p.now-heard >= settled)
	if gone || p.now-heard >= stalled {
		return p.newStop(last)
	}
	return nil
}

// findLeaderCut looks for a keyframe of the leader, or for the place where it is no longer waited for.
func (p *packager) findLeaderCut(l *layer) *cut {
	for i := 1; i < len(l.frames); i++ {
		f := &l.frames[i]
		switch played := f.at - p.segment.start; {
		case played > segmentMax: // a hole in the pictures that no segment may span
			return p.newStop(l.frames[i-1].at)
		case f.key && (played >= p.segment.least() || f.params != l.frames[0].params):
			return p.newCut(l, i)
		case played >= segmentForced:
			c := p.newCut(l, i)
			c.forced = true
			return c
		}
	}
	return nil
}

// findSlateCut ends a stretch of sound alone: at a keyframe, after the target, or with the sound.
func (p *packager) findSlateCut() *cut {
	s := p.segment
	if l, k := p.candidate(s.start - segmentMin); l != nil {
		c := p.newCut(l, k)
		c.at = min(max(c.at, s.start+pictureLength, s.shown), s.start+segmentMax)
		return c
	}
	if !p.sound.alive(p.now) {
		return p.newStop(min(max(s.shown, p.sound.heard), s.start+segmentTarget))
	}
	if p.now >= s.start+segmentTarget+soundGrace {
		return &cut{at: s.start + segmentTarget, decided: p.now}
	}
	return nil
}

// newCut is a cut at a picture of a layer.
func (p *packager) newCut(l *layer, k int) *cut {
	picture := l.frames[k].at
	at := max(picture.Round(time.Millisecond), p.segment.start+time.Millisecond)
	return &cut{at: at, decided: p.now, leader: l, picture: picture}
}

// newStop is a cut after the last picture, with none following.
func (p *packager) newStop(last time.Duration) *cut {
	at := max(last, p.segment.start) + pictureLength
	return &cut{at: min(at.Round(time.Millisecond), p.segment.start+segmentMax), decided: p.now}
}

// lastPicture is the place of the latest picture of the segment, and when it came.
func (p *packager) lastPicture() (at, heard time.Duration) {
	at = p.segment.start
	for _, l := range p.segment.layers {
		if l != nil && len(l.frames) > 0 {
			at, heard = max(at, l.last()), max(heard, l.heard)
		}
	}
	return at, heard
}

// cutReady says whether all has come that belongs before the cut, or is no longer waited for.
func (p *packager) cutReady() bool {
	c := p.cut
	if !p.sound.complete(slot(c.at)) {
		return false
	}
	if c.leader == nil || c.leader.ended || p.now-c.decided >= cutWait {
		return true
	}
	for _, l := range p.layers {
		if l == c.leader || !l.live(p.now) {
			continue
		}
		if tolerance := near(l, c.leader); l.key(c.at, tolerance) < 0 && !l.past(c.at+tolerance) {
			return false
		}
	}
	return true
}

// makeCut closes the open segment and opens the next.
func (p *packager) makeCut() {
	c := p.cut
	p.cut = nil
	if err := p.closeSegment(c); err != nil {
		p.fail(err)
		return
	}
	if c.leader != nil && p.joinAt(c.leader, c) < 0 {
		c.leader = nil // it was given up for its length while the cut waited
	}
	if c.leader == nil && !p.sound.alive(p.now) {
		p.broken = true
		return
	}
	p.open(c)
}

// joinAt returns the index of the picture with which a layer begins the segment after a cut, or -1.
func (p *packager) joinAt(l *layer, c *cut) int {
	switch {
	case c.leader == nil:
		return -1
	case l == c.leader:
		if k := l.first(c.picture); k < len(l.frames) && l.frames[k].at == c.picture {
			return k
		}
		return -1
	case l.ended != c.leader.ended || !l.ended && !l.live(p.now):
		return -1
	case !c.forced:
		return l.key(c.at, near(l, c.leader))
	}
	if k := l.first(c.at - nearReported); l.joined && k < l.uniform(len(l.frames)) {
		return k
	}
	return -1
}

package forward

import "lectern/media"

// Selector decides which simulcast layer a receiver gets. It changes layer at a keyframe of the new layer
// only, and goes on with the old one until then. The zero value wants Low and has nothing.
type Selector struct {
	present [media.Layers]bool
	wanted  media.Layer
	current media.Layer
	active  bool // current is being forwarded
}

// Want sets the layer to get to, or the best below it that is present, or else the lowest above it.
func (s *Selector) Want(l media.Layer) { s.wanted = min(l, media.High) }

// SetPresent says which layers are being sent, bit n for layer n.
func (s *Selector) SetPresent(mask uint8) {
	for l := range media.Layers {
		s.present[l] = mask&(1<<l) != 0
	}
}

// Restart forgets the current layer, because the publisher is another one: the next packet forwarded is
// again a keyframe.
func (s *Selector) Restart() { s.active = false }

// Begin makes l the current layer at once, because the receiver is given the group of pictures so far.
func (s *Selector) Begin(l media.Layer) { s.current, s.active = l, true }

// Target returns the layer that is wanted of those present; false when none is.
func (s *Selector) Target() (media.Layer, bool) {
	for l := int(s.wanted); l >= 0; l-- {
		if s.present[l] {
			return media.Layer(l), true
		}
	}
	for l := s.wanted + 1; l < media.Layers; l++ {
		if s.present[l] {
			return l, true
		}
	}
	return 0, false
}

// Current returns the layer that is forwarded; false before the first keyframe.
func (s *Selector) Current() (media.Layer, bool) { return s.current, s.active }

// Waiting returns the layer whose keyframe is needed to get to the target; false when there already.
func (s *Selector) Waiting() (media.Layer, bool) {
	target, ok := s.Target()
	return target, ok && (!s.active || s.current != target)
}

// Next says whether a packet of layer l is forwarded and whether it is the first of a new layer.
func (s *Selector) Next(l media.Layer, keyframe bool) (forward, switched bool) {
	if s.active && l == s.current {
		return true, false
	}
	if target, waiting := s.Waiting(); waiting && keyframe && l == target {
		s.Begin(l)
		return true, true
	}
	return false, false
}

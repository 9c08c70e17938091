package web

import "lectern/lms"

// edits is the edit list of a course: the recorder's while it grows, else the database's.
func (s *Server) edits(course lms.CourseID, stored lms.EditList) lms.EditList {
	status, ok := s.desk.OnAir(string(course))
	if !ok {
		return stored
	}
	list := make(lms.EditList, 0, len(status.Edits))
	for _, edit := range status.Edits {
		list = append(list, lms.Piece(edit))
	}
	return list
}

// recording says how the recording of a course is doing.
func (s *Server) recording(course lms.CourseID) recordingView {
	status, ok := s.desk.OnAir(string(course))
	if !ok {
		return recordingView{State: "off"}
	}
	if status.Unrecorded {
		return recordingView{State: "off", Renditions: string(status.Renditions)}
	}
	view := recordingView{State: string(status.Recording.State), Renditions: string(status.Renditions)}
	if status.Recording.LastError != nil {
		text := status.Recording.LastError.Error()
		view.LastError = &text
	}
	return view
}

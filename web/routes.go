package web

import (
	"lectern/lms"
	"lectern/lms/roster"
)

// route is one row of the table: who may call what, how much they may send and how often.
type route struct {
	method, path string
	handle       handler
	access       access
	body         int64 // most bytes of a request's body
	rate         rateClass
}

// Sizes of bodies.
const (
	bodyNone    = 0
	bodyForm    = 8 << 10
	bodyJSON    = 64 << 10
	bodyList    = 2 << 20   // 20,000 addresses
	bodyDraft   = 1 << 20   // settings of 500 courses
	bodyViewers = 2 << 20   // an edge with 10,000 viewers asks with about 1 MiB
	bodyPicture = 256 << 10 // JSON with one picture of at most 150 kB as base64
	bodySDP     = 64 << 10  // an offer with three layers and all codecs of a browser is about 12 KiB
)

// routes is every address of the public site. A route that is not here does not exist; one without a thought
// about its access does not compile. The test of the role matrix walks this table.
func (s *Server) routes() []route {
	table := []route{
		// Pages that work without JavaScript.
		{"GET", "/{$}", getHome, anyone, bodyNone, ratePage},
		{"GET", "/sign-in", getSignIn, anyone, bodyNone, rateDoor},
		{"POST", "/sign-in", postSignIn, anyone, bodyForm, rateDoor},
		{"GET", "/sign-in/code", getCode, anyone, bodyNone, rateDoor},
		{"POST", "/sign-in/code", postCode, anyone, bodyForm, rateSignIn},
		{"GET", "/register/{programme}", getRegister, anyone, bodyNone, rateDoor},
		{"POST", "/register/{programme}", postRegister, anyone, bodyForm, rateDoor},
		{"GET", "/registrations", getRegistrations, signedIn, bodyNone, rateAPI},
		{"POST", "/registrations", postRegistration, signedIn, bodyForm, rateWrite},
		{"POST", "/sign-out", postSignOut, signedIn, bodyForm, rateAPI},
		{"GET", "/join/{token}", getJoin, anyone, bodyNone, rateSignIn},
		{"POST", "/join/{token}", postJoin, anyone, bodyForm, rateSignIn},
		{"GET", "/welcome", getWelcome, signedIn, bodyNone, rateAPI},
		{"POST", "/welcome", postWelcome, signedIn, bodyForm, rateAPI},
		{"POST", "/language", postLanguage, anyone, bodyForm, ratePage},
		{"GET", "/devices", getDevices, signedIn, bodyNone, rateAPI},
		{"POST", "/devices", postDevices, signedIn, bodyForm, rateWrite},
		{"GET", "/courses", getCourses, signedIn, bodyNone, rateAPI},
		{"GET", "/progress", getProgress, signedIn, bodyNone, ratePage},
		{"GET", "/courses/{course}/credit", getCredit, mayKnow(lms.Watch), bodyNone, ratePage},
		{"POST", "/courses/{course}/claim", postClaim, mayKnow(lms.Watch), bodyForm, rateWrite},
		{"POST", "/courses/{course}/appeal", postAppeal, mayKnow(lms.Watch), bodyForm, rateWrite},
		{"GET", "/courses/{course}/test", getExam, may(lms.Watch), bodyNone, ratePage},
		{"POST", "/courses/{course}/test", postExam, may(lms.Watch), bodyNone, rateWrite},
		{"GET", "/courses/{course}/test/{attempt}", getAttempt, may(lms.Watch), bodyNone, ratePage},
		{"POST", "/courses/{course}/test/{attempt}", postAttempt, may(lms.Watch), bodyForm, rateAPI},
		{"GET", "/courses/{course}/evaluation", getEvaluation, mayKnow(lms.Watch), bodyNone, ratePage},
		{"POST", "/courses/{course}/evaluation", postEvaluation, mayKnow(lms.Watch), bodyJSON, rateWrite},
		{"POST", "/programmes/{programme}/certificate", postProgrammeClaim, may(lms.Watch), bodyForm, rateWrite},
		{"GET", "/certificates/{number}", getCertificate, signedIn, bodyNone, ratePage},
		{"GET", "/certificates/{number}/{file}", getCertificateFile, signedIn, bodyNone, rateWrite},
		{"GET", "/transcript/{file}", getTranscriptOfCredit, signedIn, bodyNone, rateWrite},

		// Checking certificates, for everybody.
		{"GET", "/v", getVerify, anyone, bodyNone, rateVerify},
		{"GET", "/v/{number}", getVerify, anyone, bodyNone, rateVerify},
		{"GET", "/v/worker.js", getVerifyWorker, anyone, bodyNone, ratePage},
		{"GET", "/.well-known/jwks.json", getKeys, anyone, bodyNone, ratePage},
		{"GET", "/.well-known/issuer.json", getIssuer, anyone, bodyNone, ratePage},
		{"GET", "/credentials/status/{list}", getStatusList, anyone, bodyNone, ratePage},

		{"GET", "/courses/{course}/lecture.ics", getLectureFile, mayKnow(lms.Watch), bodyNone, rateAPI},
		{"GET", "/courses/{course}/disclosures", getShown, mayKnow(lms.Watch), bodyNone, rateAPI},
		{"POST", "/courses/{course}/disclosures", postShown, mayKnow(lms.Watch), bodyForm, rateWrite},
		{"GET", "/disclosure/{programme}", getDisclosureForm, signedIn, bodyNone, rateAPI},
		{"POST", "/disclosure/{programme}", postDisclosureForm, signedIn, bodyForm, rateWrite},
		{"POST", "/calendar", postCalendar, signedIn, bodyForm, rateWrite},
		{"GET", "/calendar/{token}/lectures.ics", getCalendar, anyone, bodyNone, rateSignIn},

		// Applications that Vite built, and what they load.
		{"GET", "/watch/{course}", getWatch, may(lms.Watch), bodyNone, rateAPI},
		{"GET", "/test/{course}", app("test"), mayKnow(lms.Watch), bodyNone, rateAPI},
		{"GET", "/studio/{course}", app("studio"), may(lms.Present), bodyNone, rateAPI},
		{"GET", "/console/{course}", app("console"), may(lms.Moderate), bodyNone, rateAPI},
		{"GET", "/captioner/{course}", app("captioner"), may(lms.Caption), bodyNone, rateAPI},
		{"GET", "/analytics/{course}", app("analytics"), may(lms.SeeFigures), bodyNone, rateAPI},
		{"GET", "/admin", app("admin"), may(lms.Inspect), bodyNone, rateAPI},
		{"GET", "/admin/{programme}", app("admin"), may(lms.Inspect), bodyNone, rateAPI},
		{"GET", "/assets/{name...}", (*Server).getAsset, anyone, bodyNone, rateNone},
		{"GET", "/static/{hash}/{name}", (*Server).getStatic, anyone, bodyNone, rateNone},

		// The same for programs.
		{"POST", "/api/sign-in", postAPISignIn, anyone, bodyForm, rateDoor},
		{"POST", "/api/sign-in/code", postAPICode, anyone, bodyForm, rateSignIn},

		// Who am I, what can I watch.
		{"GET", "/api/me", getMe, signedIn, bodyNone, rateAPI},
		{"GET", "/api/courses", getCourseList, signedIn, bodyNone, rateAPI},
		{"GET", "/api/courses/{course}", getCourse, mayKnow(lms.Watch), bodyNone, rateAPI},
		{"PATCH", "/api/courses/{course}", patchCourse, may(lms.Manage), bodyJSON, rateWrite},
		{"POST", "/api/courses/{course}/cancellation", postCancellation, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/courses/{course}/cancellation", deleteCancellation, may(lms.Manage), bodyNone, rateWrite},
		{"GET", "/api/courses/{course}/disclosures", getCourseDisclosures, mayKnow(lms.Watch), bodyNone, rateAPI},

		// Watching.
		{"POST", "/api/courses/{course}/ticket", postTicket, may(lms.Watch), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/resume", getResume, may(lms.Watch), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/reports", postReports, may(lms.Watch), bodyJSON, rateAPI},
		{"POST", "/api/courses/{course}/playing", postPlaying, may(lms.Watch), bodyForm, rateAPI},
		{"GET", "/api/courses/{course}/ice", getICE, mayKnow(lms.Watch), bodyNone, rateAPI},

		{"POST", "/api/courses/{course}/access", postAccess, mayByToken(lms.Watch), bodyNone, rateAPI},

		// Trying everything before the day.
		{"POST", "/api/courses/{course}/path-probe", postPathProbe, mayKnow(lms.Watch), bodySDP, rateProbe},
		{"GET", "/api/courses/{course}/path-blob", getPathBlob, mayKnow(lms.Watch), bodyNone, rateProbe},
		{"POST", "/api/courses/{course}/path-blob", postPathBlob, mayKnow(lms.Watch), maxBlob, rateProbe},
		{"POST", "/api/courses/{course}/path-tests", postPathTest, mayKnow(lms.Watch), bodyForm, rateWrite},
		{"GET", "/api/programmes/{programme}/path-tests", getPathTests, may(lms.Inspect), bodyNone, rateAPI},

		// Presenting.
		{"POST", "/api/courses/{course}/air", postAir, may(lms.Present), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/end", postEnd, may(lms.Present), bodyForm, rateWrite},
		{"GET", "/api/courses/{course}/health", getHealth, may(lms.Present), bodyNone, rateAPI},

		// Rehearsing: a lecture that nobody watches.
		{"GET", "/api/courses/{course}/rehearsal", getRehearsal, may(lms.Present), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/rehearsal", postRehearsal, may(lms.Present), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/rehearsal/end", postRehearsalEnd, may(lms.Present), bodyForm, rateWrite},
		{"DELETE", "/api/courses/{course}/rehearsal", deleteRehearsal, may(lms.Present), bodyNone, rateWrite},
		{"GET", "/rehearsal/{course}/{file...}", getRehearsalFile, may(lms.Present), bodyNone, rateNone},

		// The recording, after the lecture.
		{"GET", "/admin/recording/{course}", app("admin"), may(lms.Inspect), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/recording", getRecording, may(lms.Inspect), bodyNone, rateAPI},
		{"PUT", "/api/courses/{course}/recording/cut", putCut, may(lms.Produce), bodyJSON, rateWrite},
		{"PUT", "/api/courses/{course}/recording/retention", putRetention, may(lms.Manage), bodyForm, rateWrite},
		{"PUT", "/api/programmes/{programme}/retention", putProgrammeRetention, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/courses/{course}/recording", deleteRecording, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/courses/{course}/recording/preview/{file...}", getPreview, may(lms.Inspect), bodyNone, rateNone},

		// The panel: attendees who take part, with presenters and moderators.
		{"GET", "/api/courses/{course}/panel", getPanel, may(lms.JoinPanel), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/panel/candidates", getPanelCandidates, may(lms.Direct), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/panel/me/{action}", postPanelMe, may(lms.JoinPanel), bodyForm, rateAPI},
		{"POST", "/api/courses/{course}/panel/{person}/{action}", postPanel, may(lms.Direct), bodyForm, rateAPI},

		// Questions.
		{"GET", "/api/courses/{course}/chapters", getChapters, may(lms.Watch), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/questions", getQuestions, may(lms.Watch), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/questions", postQuestion, may(lms.Ask), bodyJSON, rateWrite},
		{"GET", "/api/courses/{course}/questions.csv", getQuestionsCSV, may(lms.Moderate), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/questions/{question}/similar", getSimilar, may(lms.Moderate), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/questions/{question}/vote", postVote, may(lms.Ask), bodyNone, rateWrite},
		{"DELETE", "/api/courses/{course}/questions/{question}/vote", deleteVote, may(lms.Ask), bodyNone, rateWrite},
		{"POST", "/api/courses/{course}/questions/{question}/{action}", postQuestionAction, may(lms.Answer), bodyJSON, rateAPI},

		{"GET", "/courses/{course}/materials", getMaterialsPage, may(lms.Watch), bodyNone, ratePage},
		{"POST", "/courses/{course}/materials", postMaterialsPage, may(lms.Provide), lms.MaxMaterial, rateWrite},
		{"POST", "/courses/{course}/materials/{material}/{action}", postMaterialsAction, may(lms.Provide), bodyForm, rateWrite},

		// Slides and handouts: seen by the audience, uploaded by presenters and admins.
		{"GET", "/api/courses/{course}/materials", getMaterials, may(lms.Watch), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/materials", postMaterial, may(lms.Provide), lms.MaxMaterial, rateWrite},
		{"GET", "/api/courses/{course}/materials/{material}", getMaterialPages, may(lms.Watch), bodyNone, rateAPI},
		{"PATCH", "/api/courses/{course}/materials/{material}", patchMaterial, may(lms.Provide), bodyJSON, rateWrite},
		{"DELETE", "/api/courses/{course}/materials/{material}", deleteMaterial, may(lms.Provide), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/materials/{material}/{action}", postMaterialAction, may(lms.Provide), bodyForm, rateWrite},
		{"GET", "/api/courses/{course}/materials/{material}/file", getMaterialFile, may(lms.Watch), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/materials/{material}/pages/{file}", getMaterialPage, may(lms.Watch), bodyNone, rateNone},

		// Captions: read by the audience, written live by captioners and providers, kept by admins.
		{"GET", "/api/courses/{course}/captions", getCaptions, may(lms.Watch), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/captions/{language}", getCaptionCues, may(lms.Watch), bodyNone, rateAPI},
		{"PUT", "/api/courses/{course}/captions/{language}", putCaptions, may(lms.Produce), lms.MaxCaptionFile, rateWrite},
		{"DELETE", "/api/courses/{course}/captions/{language}", deleteCaptions, may(lms.Produce), bodyNone, rateWrite},
		{"GET", "/api/courses/{course}/captions/{language}/{file}", getTranscript, may(lms.TakeTranscript), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/captions/{language}/live", postLiveCaptions, may(lms.Caption), bodyNone, rateWrite},
		{"POST", "/api/courses/{course}/captions/{language}/lines", postCaptionLine, mayByToken(lms.Caption), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/captions/{language}/publish", postPublishCaptions, may(lms.Produce), bodyForm, rateWrite},
		{"GET", "/api/courses/{course}/caption-versions", getCaptionVersions, may(lms.Inspect), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/transcription", postTranscription, may(lms.Produce), bodyForm, rateWrite},
		{"DELETE", "/api/courses/{course}/transcription", deleteTranscription, may(lms.Produce), bodyNone, rateWrite},

		// Tests, evaluations, credit and certificates, for those who run them.
		{"GET", "/admin/credit/{course}", app("admin"), may(lms.Manage), bodyNone, ratePage},
		{"GET", "/api/courses/{course}/credit", getCreditSetup, may(lms.Manage), bodyNone, rateAPI},
		{"PUT", "/api/courses/{course}/credit", putCreditSetup, may(lms.Manage), bodyJSON, rateWrite},
		{"POST", "/api/courses/{course}/credit/preview", postCreditPreview, may(lms.Manage), bodyJSON, rateAPI},
		{"POST", "/api/courses/{course}/waivers", postWaiver, may(lms.Manage), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/identities", postIdentity, may(lms.Manage), bodyForm, rateAPI},
		{"GET", "/api/courses/{course}/appeals", getAppeals, may(lms.Manage), bodyNone, rateAPI},
		{"POST", "/api/courses/{course}/appeals/{appeal}", postAppealAnswer, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/courses/{course}/test", getTestBank, may(lms.Manage), bodyNone, rateAPI},
		{"PUT", "/api/courses/{course}/test", putTestBank, may(lms.Manage), bodyForm, rateWrite},
		{"POST", "/api/courses/{course}/test/items", putTestItem, may(lms.Manage), bodyPicture, rateWrite},
		{"PUT", "/api/courses/{course}/test/items/{item}", putTestItem, may(lms.Manage), bodyPicture, rateWrite},
		{"DELETE", "/api/courses/{course}/test/items/{item}", deleteTestItem, may(lms.Manage), bodyNone, rateWrite},
		{"GET", "/api/courses/{course}/evaluations", getEvaluations, may(lms.SeeFigures), bodyNone, rateAPI},
		{"PUT", "/api/programmes/{programme}/accommodations/{person}", putAccommodation, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/programmes/{programme}/design", getDesign, may(lms.Manage), bodyNone, rateAPI},
		{"PUT", "/api/programmes/{programme}/design", putDesign, may(lms.Manage), bodyPicture, rateWrite},
		{"POST", "/api/programmes/{programme}/design/preview", postDesignPreview, may(lms.Manage), bodyPicture, rateAPI},
		{"GET", "/api/programmes/{programme}/certificates", getCertificates, may(lms.Manage), bodyNone, rateAPI},
		{"POST", "/api/programmes/{programme}/certificates/{number}/{action}", postCertificate, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/programmes/{programme}/pars.txt", getPARS, may(lms.Manage), bodyNone, rateWrite},

		// How it went.
		{"GET", "/api/courses/{course}/analytics", getAnalytics, may(lms.SeeFigures), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/analytics/people", getAnalyticsPeople, may(lms.SeePeople), bodyNone, rateAPI},
		{"GET", "/api/courses/{course}/analytics.csv", getAnalyticsCSV, may(lms.SeePeople), bodyNone, rateAPI},

		// Administration.
		{"GET", "/api/programmes/{programme}/audit", getAudit, may(lms.ReadAudit), bodyNone, rateAPI},
		{"GET", "/api/programmes", getProgrammes, may(lms.Inspect), bodyNone, rateAPI},
		{"POST", "/api/programmes", postProgramme, may(lms.CreateProgramme), bodyJSON, rateWrite},
		{"GET", "/api/programmes/{programme}", getProgramme, may(lms.Inspect), bodyNone, rateAPI},
		{"PATCH", "/api/programmes/{programme}", patchProgramme, may(lms.Manage), bodyJSON, rateWrite},
		{"GET", "/api/programmes/{programme}/publication", getPublication, may(lms.Inspect), bodyNone, rateAPI},
		{"POST", "/api/programmes/{programme}/publication", postPublication, may(lms.Manage), bodyForm, rateWrite},
		{"PUT", "/api/programmes/{programme}/draft", putDraft, may(lms.Manage), bodyDraft, rateWrite},
		{"GET", "/api/programmes/{programme}/versions/{number}", getVersion, may(lms.Inspect), bodyNone, rateAPI},
		{"POST", "/api/programmes/{programme}/closing", postClosing, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/programmes/{programme}/closing", deleteClosing, may(lms.Manage), bodyNone, rateWrite},
		{"POST", "/api/programmes/{programme}/copy", postCopy, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/programmes/{programme}/faculty", getFaculty, may(lms.Inspect), bodyNone, rateAPI},
		{"POST", "/api/programmes/{programme}/faculty", postFaculty, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/programmes/{programme}/faculty/{member}", deleteFaculty, may(lms.Manage), bodyNone, rateWrite},
		{"GET", "/api/programmes/{programme}/preparations", getPreparations, may(lms.Inspect), bodyNone, rateAPI},
		{"GET", "/api/programmes/{programme}/disclosures/{person}", getDisclosure, signedIn, bodyNone, rateAPI},
		{"PUT", "/api/programmes/{programme}/disclosures/{person}", putDisclosure, signedIn, bodyForm, rateWrite},
		{"PUT", "/api/programmes/{programme}/disclosures/{person}/mitigation", putMitigation, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/programmes/{programme}/disclosures/{person}/mitigation", deleteMitigation, may(lms.Manage), bodyForm, rateWrite},
		{"POST", "/api/programmes/{programme}/courses", postCourse, may(lms.Manage), bodyJSON, rateWrite},
		{"POST", "/api/programmes/{programme}/codes", postCodes, may(lms.Manage), bodyList, rateWrite},
		{"POST", "/api/programmes/{programme}/codes/look-up", postCodeLookUp, may(lms.Manage), bodyForm, rateWrite},
		{"POST", "/api/programmes/{programme}/codes/revoke", postCodeRevoke, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/programmes/{programme}/codes/{batch}", deleteCodes, may(lms.Manage), bodyNone, rateWrite},
		{"GET", "/api/programmes/{programme}/imports", getImports, may(lms.Manage), bodyNone, rateAPI},
		{"POST", "/api/programmes/{programme}/imports", postImport, may(lms.Manage), roster.MaxFile, rateWrite},
		{"POST", "/api/programmes/{programme}/imports/{import}", postEnter, may(lms.Manage), bodyForm, rateWrite},
		{"GET", "/api/programmes/{programme}/registrations", getRegistrationQueue, may(lms.Manage), bodyNone, rateAPI},
		{"PUT", "/api/programmes/{programme}/registrations", putRegistrationRules, may(lms.Manage), bodyJSON, rateWrite},
		{"POST", "/api/programmes/{programme}/registrations/{person}/{action}", postDecision, may(lms.Manage), bodyForm, rateAPI},
		{"POST", "/api/programmes/{programme}/staff", postStaff, may(lms.Manage), bodyJSON, rateWrite},
		{"DELETE", "/api/programmes/{programme}/people/{person}/links", deleteLinks, may(lms.Manage), bodyNone, rateWrite},
		{"PATCH", "/api/programmes/{programme}/staff/{grant}", patchStaff, may(lms.Manage), bodyForm, rateWrite},
		{"DELETE", "/api/programmes/{programme}/staff/{grant}", deleteStaff, may(lms.Manage), bodyNone, rateWrite},
		{"GET", "/api/organisations", getOrganisations, signedIn, bodyNone, rateAPI},
		{"GET", "/api/organisations/{organisation}", getOrganisation, runs, bodyNone, rateAPI},
		{"PATCH", "/api/organisations/{organisation}", patchOrganisation, runs, bodyForm, rateWrite},
		{"POST", "/api/organisations/{organisation}/staff", postOrganisationStaff, runs, bodyForm, rateWrite},
		{"DELETE", "/api/organisations/{organisation}/staff/{grant}", deleteOrganisationStaff, runs, bodyNone, rateWrite},

		// Media: WHIP is RFC 9725, WHEP its draft counterpart, HLS the recording while it grows and after.
		{"OPTIONS", "/whip/{course}", optionsWHIP, anyone, bodyNone, ratePage},
		{"POST", "/whip/{course}", postWHIP, mayByToken(lms.JoinPanel), bodySDP, ratePublish},
		{"OPTIONS", "/whip/{course}/{session}", optionsWHIP, anyone, bodyNone, ratePage},
		{"PATCH", "/whip/{course}/{session}", patchWHIP, mayByToken(lms.JoinPanel), bodySDP, rateAPI},
		{"DELETE", "/whip/{course}/{session}", deleteWHIP, mayByToken(lms.JoinPanel), bodyNone, rateAPI},
		{"DELETE", "/whip/{course}/{session}/screen", deleteScreen, mayByToken(lms.JoinPanel), bodyNone, rateAPI},
		{"POST", "/backstage/{course}", postBackstage, may(lms.JoinPanel), bodySDP, rateWrite},
		{"PATCH", "/backstage/{course}/{session}", patchWHEP, may(lms.JoinPanel), bodySDP, rateAPI},
		{"DELETE", "/backstage/{course}/{session}", deleteWHEP, may(lms.JoinPanel), bodyNone, rateAPI},
		{"OPTIONS", "/whep/{course}", optionsWHEP, anyone, bodyNone, ratePage},
		{"POST", "/whep/{course}", postWHEP, mayByToken(lms.Watch), bodySDP, rateWatch},
		{"OPTIONS", "/whep/{course}/{session}", optionsWHEP, anyone, bodyNone, ratePage},
		{"PATCH", "/whep/{course}/{session}", patchWHEP, mayByToken(lms.Watch), bodySDP, rateAPI},
		{"DELETE", "/whep/{course}/{session}", deleteWHEP, mayByToken(lms.Watch), bodyNone, rateAPI},
		{"OPTIONS", "/whep/{course}/{session}/layer", optionsWHEP, anyone, bodyNone, ratePage},
		{"GET", "/whep/{course}/{session}/layer", getLayer, mayByToken(lms.Watch), bodyNone, rateAPI},
		{"POST", "/whep/{course}/{session}/layer", postLayer, mayByToken(lms.Watch), bodyForm, rateAPI},
		{"GET", "/hls/{course}/{file...}", getHLS, mayFetch(lms.Watch), bodyNone, rateNone},

		// What only a CDN asks.
		{"POST", "/hls/{course}/access", postGrant, byEdge, bodyForm, rateNone},
		{"POST", "/edge/viewers", postViewers, byEdge, bodyViewers, rateNone},

		// Can the server be reached? It does nothing, so it has no limit.
		{"GET", "/ping", getPing, anyone, bodyNone, rateNone},

		// The ticket in the socket's first frame says who it is.
		{"GET", "/socket", getSocket, anyone, bodyNone, rateSocket},
	}
	if s.mailbox {
		table = append(
			table,
			route{"GET", "/mailbox", getMailbox, anyone, bodyNone, ratePage},
			route{"GET", "/api/mailbox", getMailboxSince, anyone, bodyNone, ratePage},
		)
	}
	return table
}

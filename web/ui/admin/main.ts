import { start } from '../shared/page';
import Admin from './Admin.svelte';
import RecordingPage from './recording/RecordingPage.svelte';

const recording = /^\/admin\/recording\/([^/]+)/.exec(location.pathname);
if (recording) start(RecordingPage, { course: decodeURIComponent(recording[1]!) });
else start(Admin, {});

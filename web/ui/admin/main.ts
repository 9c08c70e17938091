import { start } from '../shared/page';
import Admin from './Admin.svelte';
import RecordingPage from './recording/RecordingPage.svelte';

const recording = /^\/admin\/recording\/([^/]+)/.exec(location.pathname);
const credit = /^\/admin\/credit\/([^/]+)/.exec(location.pathname);
if (credit) {
  const course = decodeURIComponent(credit[1]!);
  void import('./credit/CreditPage.svelte').then((page) => start(page.default, { course }));
} else if (recording) start(RecordingPage, { course: decodeURIComponent(recording[1]!) });
else start(Admin, {});

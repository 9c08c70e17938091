import { start } from '../shared/page';
import Analytics from './Analytics.svelte';

start(Analytics, {});

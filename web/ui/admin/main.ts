import { start } from '../shared/page';
import Admin from './Admin.svelte';

start(Admin, {});

import { start } from '../shared/page';
import Console from './Console.svelte';

start(Console, {});

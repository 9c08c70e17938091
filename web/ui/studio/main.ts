import { start } from '../shared/page';
import Studio from './Studio.svelte';

start(Studio, {});

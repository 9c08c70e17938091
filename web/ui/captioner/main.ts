import { start } from '../shared/page';
import Captioner from './Captioner.svelte';

start(Captioner, {});

import { start } from '../shared/page';
import Test from './Test.svelte';

start(Test, {}, { ar: () => import('./ar'), hi: () => import('./hi') });

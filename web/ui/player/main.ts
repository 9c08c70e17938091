import { start } from '../shared/page';
import Player from './Player.svelte';

start(Player, {}, { ar: () => import('./ar'), hi: () => import('./hi') });

import type { Translation } from '../shared/i18n';
import { captions } from '../shared/i18n/en/captions';
import { panel } from '../shared/i18n/en/panel';
import { player } from '../shared/i18n/en/player';
import { shared } from '../shared/i18n/en/shared';
import { captions as captionsIn } from '../shared/i18n/ar/captions';
import { panel as panelIn } from '../shared/i18n/ar/panel';
import { player as playerIn } from '../shared/i18n/ar/player';
import { shared as sharedIn } from '../shared/i18n/ar/shared';

/** The words of this page in Arabic. */
const words: Translation = [
  [shared, sharedIn],
  [player, playerIn],
  [captions, captionsIn],
  [panel, panelIn],
];

export default words;

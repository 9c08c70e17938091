import type { Translation } from '../shared/i18n';
import { captions } from '../shared/i18n/en/captions';
import { panel } from '../shared/i18n/en/panel';
import { player } from '../shared/i18n/en/player';
import { shared } from '../shared/i18n/en/shared';
import { captions as captionsIn } from '../shared/i18n/hi/captions';
import { panel as panelIn } from '../shared/i18n/hi/panel';
import { player as playerIn } from '../shared/i18n/hi/player';
import { shared as sharedIn } from '../shared/i18n/hi/shared';

/** The words of this page in Hindi. */
const words: Translation = [
  [shared, sharedIn],
  [player, playerIn],
  [captions, captionsIn],
  [panel, panelIn],
];

export default words;

import type { Catalogue } from '../index';

/** Captions and transcript of the player. What captioners and admins read is in English. */
export const captions = {
  'captions.title': 'कैप्शन',
  'captions.show': 'कैप्शन दिखाएँ',
  'captions.hide': 'कैप्शन छिपाएँ',
  'captions.menu': 'कैप्शन: भाषा और आकार',
  'captions.off': 'बंद',
  'captions.language': 'भाषा',
  'captions.live': 'लाइव',
  'captions.size': 'आकार',
  'captions.size_s': 'छोटा',
  'captions.size_m': 'मध्यम',
  'captions.size_l': 'बड़ा',
  'captions.failed': 'कैप्शन लोड नहीं हो सके।',
  'captions.retry': 'फिर से प्रयास करें',

  'transcript.title': 'लिखित पाठ',
  'transcript.search': 'पाठ में खोजें',
  'transcript.matches': { one: '{count} में से {at} परिणाम', other: '{count} में से {at} परिणाम' },
  'transcript.none': 'कोई परिणाम नहीं',
  'transcript.next': 'अगला परिणाम',
  'transcript.previous': 'पिछला परिणाम',
  'transcript.lines': 'पाठ की पंक्तियाँ। ऊपर और नीचे की कुंजी से चलें, Enter उस पंक्ति से चलाता है।',
  'transcript.play': '{time} से चलाएँ',
  'transcript.follow': 'व्याख्यान के साथ चलें',
  'transcript.empty_live': 'कैप्शन लिखे जाते ही यहाँ दिखेंगे।',
  'transcript.empty': 'इस व्याख्यान का लिखित पाठ नहीं है।',
  'transcript.download': 'डाउनलोड करें',
} as const satisfies Catalogue;

import type { Catalogue } from '../index';

/** Captions and transcript of the player. What captioners and admins read is in English. */
export const captions = {
  'captions.title': 'النص المرافق',
  'captions.show': 'إظهار النص المرافق',
  'captions.hide': 'إخفاء النص المرافق',
  'captions.menu': 'النص المرافق: اللغة والحجم',
  'captions.off': 'من دون',
  'captions.language': 'اللغة',
  'captions.live': 'مباشر',
  'captions.size': 'الحجم',
  'captions.size_s': 'صغير',
  'captions.size_m': 'متوسط',
  'captions.size_l': 'كبير',
  'captions.failed': 'تعذّر تحميل النص المرافق.',
  'captions.retry': 'حاول مرة أخرى',

  'transcript.title': 'نص المحاضرة',
  'transcript.search': 'ابحث في النص',
  'transcript.matches': {
    zero: 'لا نتائج',
    one: 'نتيجة واحدة',
    two: 'النتيجة {at} من نتيجتين',
    few: 'النتيجة {at} من {count} نتائج',
    many: 'النتيجة {at} من {count} نتيجة',
    other: 'النتيجة {at} من {count} نتيجة',
  },
  'transcript.none': 'لا نتائج',
  'transcript.next': 'النتيجة التالية',
  'transcript.previous': 'النتيجة السابقة',
  'transcript.lines': 'أسطر النص. تنقّل بسهمي الأعلى والأسفل، ويبدأ Enter التشغيل من السطر.',
  'transcript.play': 'شغّل من {time}',
  'transcript.follow': 'تابع المحاضرة',
  'transcript.empty_live': 'يظهر النص هنا فور كتابته.',
  'transcript.empty': 'لا نص لهذه المحاضرة.',
  'transcript.download': 'تنزيل',
} as const satisfies Catalogue;

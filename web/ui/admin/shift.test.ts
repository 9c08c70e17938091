import { expect, it } from 'vitest';
import type { Course } from '../shared/api';
import { shifts } from './shift';

const course = (number: number, local: string, start: string, zone = 'Asia/Kolkata'): Course =>
  ({ number, local, start, zone }) as Course;
const courses = [
  course(1, '2027-03-13T19:30', '2027-03-13T14:00:00Z'),
  course(2, '2027-04-03T19:30', '2027-04-03T14:00:00Z'),
  course(3, '2027-04-10T19:30', '2027-04-10T14:00:00Z'),
];

it('finds where the same Kolkata time becomes an hour later in Berlin', () => {
  expect(shifts(courses, 'Europe/Berlin')).toEqual([{ course: courses[1], minutes: 60 }]);
});

it('finds nothing where the clocks do not change', () => {
  expect(shifts(courses, 'Africa/Nairobi')).toEqual([]);
  expect(shifts(courses, 'Asia/Kolkata')).toEqual([]);
});

it('says nothing of courses that were planned for another time of day', () => {
  const evening = course(4, '2027-04-10T20:00', '2027-04-10T14:30:00Z');
  expect(shifts([courses[0]!, evening], 'Europe/Berlin')).toEqual([]);
});

it('sees the event move under a reader whose clocks stand', () => {
  const berlin = [
    course(1, '2027-03-20T19:00', '2027-03-20T18:00:00Z', 'Europe/Berlin'),
    course(2, '2027-04-03T19:00', '2027-04-03T17:00:00Z', 'Europe/Berlin'),
  ];
  expect(shifts(berlin, 'Asia/Kolkata')).toEqual([{ course: berlin[1], minutes: -60 }]);
});

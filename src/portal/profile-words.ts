export { counted, dayInWords, listed, timeInWords } from '../base/in-words.ts';

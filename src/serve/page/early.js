// What is asked for at once, while the browser still reads the other modules: the first part of the list.
import { readAddress } from "./address.js";
import { listExecutions, signIn } from "./api.js";
import { Question } from "./question.js";

export const FIRST = 100;

const address = readAddress();
const question = new Question(address);

export const signedIn = signIn();

// The answer to a question if it is the one that was asked early; once, since it gets old.
let answer = question.problem ? null : listExecutions(question.query({ limit: FIRST }));
answer?.catch(() => {}); // it is told where the answer is taken
signedIn.catch(() => {});

if (address.id) import("./detail.js").catch(() => {});

export function takeEarly(query) {
  const taken = String(query) === String(question.query({ limit: FIRST })) ? answer : null;
  answer = null;
  return taken;
}

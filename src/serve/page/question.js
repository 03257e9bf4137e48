// The question: what the list is asked for, to the server as a query, and of a row that is told as a yes or no.
import { ORDERS } from "./order.js";
import { needsPerson } from "./states.js";
import { addToQuery, matchesWords, splitWords, wordsProblem } from "./words.js";

export class Question {
  constructor({ q, sort, reverse, needs }) {
    this.words = splitWords(q);
    this.problem = wordsProblem(this.words);
    this.order = Object.hasOwn(ORDERS, sort) ? sort : "attention";
    this.reverse = reverse === "true";
    this.needs = needs === "me";
    this.isFiltered = this.words.length > 0 || this.needs;
  }

  query(more) {
    const query = new URLSearchParams({ sort: this.order, ...more });
    if (this.reverse) query.set("reverse", "true");
    if (!this.isFiltered) query.set("roots", "true");
    if (this.needs) query.set("state", "waiting");
    const words = this.words.filter(({ name }) => !this.needs || name !== "state");
    addToQuery(query, words);
    return query;
  }

  matches(row) {
    if (this.needs && !needsPerson(row)) return false;
    return this.isFiltered ? matchesWords(this.words, row) : !row.parent_known;
  }
}

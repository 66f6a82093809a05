// Checks HTML files against the HTML standard and rules of accessibility:
// node htmlvalidate.mjs <folder with html-validate in node_modules> <file>...
// Prints a line for each mistake. html-validate's own command needs a newer
// Node.js than the project does; its library does not.
import { createRequire } from "node:module";
import path from "node:path";

const [installed, ...files] = process.argv.slice(2);
const { HtmlValidate, StaticConfigLoader } = createRequire(path.resolve(installed, "package.json"))("html-validate");

const config = {
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:a11y"],
  rules: {
    // The standard takes either case; the pages are written in lower case.
    "doctype-style": ["error", { style: "lowercase" }],
    // Style sheets and scripts come from the portal itself, under an address
    // that holds their hash. A second hash would guard against nobody.
    "require-sri": ["error", { target: "crossorigin" }],
    // A list of ticks is one question with one name, and each row of the list
    // of patients carries its id in a hidden field of the same name; the rule
    // knows no exception for hidden fields.
    "form-dup-name": "off",
    // The summary of what is wrong with a form stands before the page's
    // heading, where it is read first.
    "heading-level": ["error", { minInitialRank: "h2" }],
    // A table that scrolls sideways is a region for the keyboard's sake, and no
    // part of the page's outline as a section would be.
    "prefer-native-element": ["error", { exclude: ["region"] }],
  },
};

const validator = new HtmlValidate(new StaticConfigLoader(config));
let wrong = 0;
for (const file of files) {
  const report = await validator.validateFile(file);
  for (const { messages } of report.results) {
    for (const m of messages) {
      wrong++;
      console.log(`${path.basename(file)}:${m.line}:${m.column} ${m.ruleId}: ${m.message} ${m.selector ?? ""}`);
    }
  }
}
process.exit(wrong > 0 ? 1 : 0);

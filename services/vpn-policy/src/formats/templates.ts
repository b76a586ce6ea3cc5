/** Delimiters that no value has by itself: Jinja, Helm, ERB, shell, make and the like. */
const marked = /\{\{|\{%|<%|\$\{|\$\(|#\{|@@\w+@@|\}\}|%\}/;

/**
 * Variables of device managers and generators, as they stand in files that nobody filled in: `$USERNAME`, `$EMAIL$`, `%SerialNumber%`,
 * `{EmailAddress}`, `__NAME__`, `[[name]]`, a command in backquotes.
 */
const bare =
  /^\$[A-Za-z_]\w*\$?$|\$[A-Z][A-Z0-9_]{2,}|%[A-Za-z_]{3,}%|^\{[A-Za-z_][\w.]*\}$|^__\w+__$|\[\[[^\]]{1,100}\]\]|`/;

/** Whether text has a delimiter of a template language. */
export function isTemplate(text: string): boolean {
  return marked.test(text);
}

/** Whether text looks like a variable that somebody else is to fill in. */
export function isVariable(text: string): boolean {
  return marked.test(text) || bare.test(text.trim());
}

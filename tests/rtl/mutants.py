# SPDX-License-Identifier: Apache-2.0
"""Mutants of SystemVerilog sources: single small defects, all in one copy of the design, chosen at run time.

`mutate` finds the places in a source and says what may go wrong there: a comparison flipped or off by one, a sum for a
difference, an and for an or, a negation dropped or added, a condition that always or never holds (a reset or an enable
that is lost), a value stuck at zero or one too large. `rewrite` returns the source with the chosen mutants in it, each
active while tw_mutant_pkg::id has its number; with another number the design is as before: statements get branches of
their own, so that no width or sign changes.
"""
import dataclasses
import hashlib
import re

PACKAGE = """// SPDX-License-Identifier: Apache-2.0
// The mutant of this run: 0 is none. The bench knows.
package tw_mutant_pkg;
  import "DPI-C" function int tw_mutant_id();
  int id = tw_mutant_id();
endpackage
"""

# An operator between blanks, and what it becomes.
OPERATORS = {
    "==": ["!="], "!=": ["=="], "<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "&": ["|"], "|": ["&"], "^": ["|"], "<<": [">>"], ">>": ["<<"], ">>>": ["<<"],
}
OPERATOR = re.compile(r"(?<= )(==|!=|<=|>=|<|>|&&|\|\||\+|-|&|\||\^|<<|>>>|>>)(?= )")
NEGATION = re.compile(r"[!~](?=[\w(|&])")
IDENTIFIER = re.compile(r"(?<![\w'.$:])([a-z]\w+)\b(?!::|\s*')")
KEYWORDS = {"logic", "signed", "unsigned", "int"}
CONDITION = re.compile(r"\bif \(")
TARGET = r"(?:[a-z]\w*(?:\.\w+|\[[^\]=]*\])*)"
ASSIGNMENT = re.compile(r"(?:(?<=\n)|(?<=;)|(?<=begin)|(?<=else)|(?<=\)))[ \n]*((?:assign )?(" + TARGET
                        + r") *(<=|=)(?!=) *)")
PROCESS = re.compile(r"\b(?:always_ff|always_comb|function)\b")
CONSTANT_BEFORE = re.compile(r"_pkg::\w+ $")
CONSTANT_AFTER = re.compile(r" \w+_pkg::")
WIRE = re.compile(r"\bwire +(?!signed)(?:\[[^\]]*\] *)?\w+ *= *")


@dataclasses.dataclass
class Mutant:
    file: str
    line: int
    operator: str  # its kind
    begin: int     # of the statement or condition in the source
    before: str    # the expression
    after: str
    number: int = 0

    def key(self):
        """Orders mutants as if at random, the same everywhere, whatever moves above them."""
        return hashlib.sha256(f"{self.file}:{flat(self.before)}:{flat(self.after)}".encode()).hexdigest()

    def __str__(self):
        return f"{self.file}:{self.line}: {self.operator}: {flat(self.before)} -> {flat(self.after)}"


@dataclasses.dataclass
class Place:
    """An expression that mutants replace. A constant of a process without a clock is a default that the rest overrules,
    or that nobody looks at: it is no defect."""
    begin: int  # of what is rewritten
    end: int
    kind: str   # "if", "assign", "statement", "wire"
    head: str   # what stands before the expression
    expression: str
    is_clocked: bool = False


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


def without_comments(text):
    """Comments, strings and what only synthesis reads as blanks: places stay."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|`ifdef TW_SYNTHESIS.*?(?=`else|`endif)",
                  lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.S)


def closing(text, begin):
    """Index of the bracket that closes the one at begin."""
    depth = 0
    for i in range(begin, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i
    raise ValueError("unbalanced")


def end_of_statement(text, begin):
    depth = 0
    for i in range(begin, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth < 0:
            return -1
        if text[i] == ";" and depth == 0:
            return i
    return -1


def is_variable(expression):
    """Whether it has a signal: what only has parameters and loop variables is known when the design is built."""
    return any(name not in KEYWORDS for name in IDENTIFIER.findall(re.sub(r"\w+::\w+", "", expression)))


def places(text):
    code = without_comments(text)
    generate = constant_ranges(code)
    found = []
    for match in CONDITION.finditer(code):
        end = closing(code, match.end() - 1)
        expression = code[match.end():end]
        if is_variable(expression):
            found.append(Place(match.end(), end, "if", "", expression))
    for match in ASSIGNMENT.finditer(code):
        end = end_of_statement(code, match.end())
        begin = match.start(1)
        if end >= 0 and not any(a <= begin < b for a, b in generate):
            kind = "assign" if match[1].startswith("assign") else "statement"
            block = PROCESS.findall(code, 0, begin)
            found.append(Place(begin, end + 1, kind, match[1], code[match.end():end],
                               bool(block) and block[-1] == "always_ff"))
    for match in WIRE.finditer(code):
        end = end_of_statement(code, match.end())
        found.append(Place(match.end(), end, "wire", "", code[match.end():end]))
    return [place for place in found if "'{" not in place.expression]


def constant_ranges(code):
    """Headers of modules, functions' and loops' own parentheses hold no statements."""
    ranges = []
    for match in re.finditer(r"\bmodule \w+ #?\(|\bfor \(|\bfunction [^;]*\(", code):
        ranges.append((match.start(), closing(code, match.end() - 1)))
    return ranges


def top_level_question(expression):
    depth = 0
    for i, letter in enumerate(expression):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and expression.startswith(" ? ", i):
            return i
    return -1


def changes(place):
    """(kind, expression) of each mutant of a place."""
    expression = place.expression
    result = []
    for match in OPERATOR.finditer(expression):
        # Positions of fields are sums of constants.
        if CONSTANT_BEFORE.search(expression, 0, match.start()) and CONSTANT_AFTER.match(expression, match.end()):
            continue
        for other in OPERATORS[match[1]]:
            result.append((f"{match[1]} becomes {other}",
                           expression[:match.start()] + other + expression[match.end():]))
    for match in NEGATION.finditer(expression):
        result.append(("negation dropped", expression[:match.start()] + expression[match.end():]))
    if place.kind == "if":
        lost = "reset lost" if "rst_ni" in expression or "clear" in expression else "condition never holds"
        result += [("condition negated", f"!({expression})"), (lost, "1'b0"), ("condition always holds", "1'b1")]
        return result
    if (at := top_level_question(expression)) >= 0:
        result.append(("choice swapped", f"!({expression[:at]}){expression[at:]}"))
    plain = flat(expression)
    if plain in ("1'b0", "1'b1", "'0") and not place.is_clocked:
        pass
    elif plain in ("1'b0", "1'b1"):
        result.append(("constant flipped", "1'b1" if plain == "1'b0" else "1'b0"))
    elif plain == "'0":
        result.append(("constant flipped", "'1"))
    elif place.kind != "wire" and is_variable(expression) and not re.fullmatch(r"\w+\(.*\)", plain):
        result.append(("stuck at zero", "'0"))
        if re.search(r" [+-] ", expression):
            result.append(("one too large", f"{expression} + 1'b1"))
    return result


def mutate(name, text):
    """All mutants of a source, in its order."""
    result = []
    for place in places(text):
        for kind, after in changes(place):
            line = text.count("\n", 0, place.begin + len(place.head)) + 1
            result.append(Mutant(name, line, kind, place.begin, place.expression, after))
    return result


def rewrite(text, mutants):
    """The source with these mutants, their numbers given."""
    by_place = {}
    for mutant in mutants:
        by_place.setdefault(mutant.begin, []).append(mutant)
    for place in sorted(places(text), key=lambda place: -place.begin):
        if chosen := by_place.get(place.begin):
            text = text[:place.begin] + replacement(place, chosen) + text[place.end:]
    return text


def replacement(place, mutants):
    active = "tw_mutant_pkg::id == {}"
    if place.kind in ("if", "wire"):
        logical = "!(!({}))" if place.kind == "if" else "({})"
        chain = "".join(f"({active.format(m.number)}) ? {logical.format(m.after)} : " for m in mutants)
        return chain + logical.format(place.expression)
    head = place.head.removeprefix("assign ")
    branches = "".join(f"if ({active.format(m.number)}) {head}{m.after}; else " for m in mutants)
    before = "always_comb " if place.kind == "assign" else ""
    return f"{before}begin {branches}{head}{place.expression}; end"


def choose(mutants, count):
    """At most `count` of them: of each file in proportion, but ten at least where it has them."""
    by_file = {}
    for mutant in mutants:
        by_file.setdefault(mutant.file, []).append(mutant)
    chosen = []
    for group in by_file.values():
        share = max(10, round(count * len(group) / len(mutants)))
        chosen += sorted(group, key=Mutant.key)[:share]
    chosen.sort(key=lambda mutant: (mutant.file, mutant.begin, mutant.after))
    for number, mutant in enumerate(chosen, 1):
        mutant.number = number
    return chosen

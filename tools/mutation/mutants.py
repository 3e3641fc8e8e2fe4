"""Finds mutants in a C++ source and writes the source with all of them in it, each behind its switch.

No parser: it leans on clang-format, which puts spaces around binary operators and none inside
template brackets. What it gets wrong doesn't compile, and tools/mutate then leaves it out.
"""
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r'(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)'
    r'|(?P<text>(?:u8|L)?R"(?P<raw>[^(]*)\(.*?\)(?P=raw)"|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\')'
    r"|(?P<number>\.?\d(?:[eEpP][+-]|[\w.']|(?<=\d)'(?=\d))*)"
    r'|(?P<word>[A-Za-z_]\w*)'
    r'|(?P<sign>\.\.\.|<=>|<<=|>>=|->|::|\+\+|--|&&|\|\||<<|<=|>=|==|!=|[-+*/%&|^]=|.)',
    re.S | re.M)

PRECEDENCE = {op: p for p, ops in enumerate(
    ['||', '&&', '|', '^', '&', '== !=', '< <= > >=', '<< >>', '+ -', '* / %'], 1) for op in ops.split()}
ASSIGN = {'=', '+=', '-=', '*=', '/=', '|=', '&=', '^=', '%=', '<<=', '>>='}
STOP = ASSIGN | {',', ';', '?', ':', 'return', 'throw', 'else', 'do', 'case', 'goto', 'using'}
OTHER = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '&&': '||', '||': '&&',
         '&': '|', '|': '&', '+': '-', '-': '+', '<<': '>>', '>>': '<<', '%': '/'}
NEUTRAL = {'+': '0', '-': '0', '*': '1', '/': '1'}  # in place of a term that is dropped
# Calls that may be left out of a formula: by name, the arguments that may stand in their place.
UNWRAPPED = {name: (0,) for name in
             'exp expm1 log log1p sqrt abs sin cos tanh erf clamp square transpose plain sum_to '
             'broadcast_to reshape sigmoid relu softplus'.split()}
UNWRAPPED |= {'gate': (2,), 'where': (1, 2), 'max': (0, 1), 'min': (0, 1)}
# In brackets after these a switch can't stand.
FIXED = {'decltype', 'sizeof', 'alignof', 'alignas', 'noexcept', 'static_assert', 'requires',
         'explicit', '__attribute__', 'typeid', 'constexpr'}


@dataclass
class Token:
    text: str
    kind: str
    start: int
    end: int
    spaced: bool = False  # blanks on both sides: a binary operator
    pair: int = -1        # the bracket that closes or opens this one
    body: bool = False    # inside a function, where a switch may stand


@dataclass
class Mutant:
    start: int
    end: int
    what: str
    text: str      # what stands in the source's place
    form: str      # pick: an expression of any type; test: a condition; number; statement
    key: str = ''  # what it is called across runs, wherever its line has moved to
    line: int = 0
    number: int = 0


def tokens_of(source):
    tokens = []
    for m in TOKEN.finditer(source):
        if m.lastgroup == 'skip' or m['skip'] is not None:
            continue
        kind = next(k for k in ('text', 'number', 'word', 'sign') if m[k] is not None)
        before, after = source[m.start() - 1:m.start()], source[m.end():m.end() + 1]
        tokens.append(Token(m[0], kind, m.start(), m.end(), before.isspace() and after.isspace()))
    i = 0
    while i < len(tokens):  # '>' '>' with blanks around is a shift, other '>>' close two templates
        a, b = tokens[i], tokens[i + 1] if i + 1 < len(tokens) else None
        if b and a.text == b.text == '>' and a.end == b.start and \
                source[a.start - 1].isspace() and source[b.end:b.end + 1].isspace():
            tokens[i:i + 2] = [Token('>>', 'sign', a.start, b.end, True)]
        i += 1
    pair_up(tokens)
    return tokens


def pair_up(tokens):
    stack = []
    for i, t in enumerate(tokens):
        template = t.text in '<>' and not t.spaced and tokens[i - 1].text != 'operator'
        if t.text in '([{' or t.text == '<' and template:
            stack.append(i)
        elif t.text in ')]}' or t.text == '>' and template:
            opener = {')': '(', ']': '[', '}': '{', '>': '<'}[t.text]
            while stack and tokens[stack[-1]].text != opener:
                if opener == '<':
                    break
                stack.pop()  # a '<' that was none
            if stack and tokens[stack[-1]].text == opener:
                t.pair = stack.pop()
                tokens[t.pair].pair = i


class Finder:
    def __init__(self, source):
        self.source, self.tokens, self.found = source, tokens_of(source), []
        self.mark_bodies()

    def mark_bodies(self):
        t, open_bodies, fixed = self.tokens, [], -1
        for i, x in enumerate(t):
            if x.text == '{' and x.pair > i and self.opens_body(i):
                open_bodies.append(x.pair)
            if open_bodies and i >= open_bodies[-1]:
                open_bodies.pop()
            x.body = bool(open_bodies) and i > fixed
            if x.text == '<' and x.pair > i or x.text == '[' and t[i + 1].text == '[':
                fixed = max(fixed, x.pair)
            if x.text in FIXED and t[i + 1].text in '({' and t[i + 1].pair > 0:
                fixed = max(fixed, t[i + 1].pair)
            elif x.text in ('constexpr', 'using', 'enum') and open_bodies:
                while fixed < i or t[fixed].text != ';' and fixed + 1 < len(t):  # the statement
                    fixed = max(fixed, i) + 1
            elif x.text == 'examples' and t[i + 1].text == '(':  # a test's data
                fixed = max(fixed, t[t[i + 1].pair + 1].pair)

    def opens_body(self, i):
        """Whether the '{' at i opens a function's or a lambda's body, or a block inside one."""
        t, j = self.tokens, i - 1
        while t[j].kind == 'word' and t[j].text in ('const', 'noexcept', 'override', 'mutable', 'else',
                                                    'do', 'try'):
            if t[j].text in ('else', 'do', 'try'):
                return True
            j -= 1
        if t[j].text == ')':
            return True
        while j > 0 and (t[j].kind == 'word' or t[j].text in '>&*::' or t[j].pair >= 0 and t[j].text == '>'):
            j = t[j].pair - 1 if t[j].text == '>' and t[j].pair >= 0 else j - 1  # -> Type {
        return t[j].text == '->' or t[i - 1].text in ';{}' and t[i - 1].body

    # --- extents
    def left(self, i, precedence):
        """The first token of the operand that ends before i."""
        t, j = self.tokens, i - 1
        while j >= 0:
            x = t[j]
            if x.text in ')]>}' and x.pair >= 0:
                before = t[x.pair - 1]
                if x.text == '}' and (before.kind != 'word' or t[x.pair].start > before.end):
                    break  # a block's
                if x.text == ')' and before.text in ('if', 'for', 'while', 'switch', 'constexpr'):
                    break
                j = x.pair - 1
                continue
            if x.text in '([{<' and x.pair >= 0 or x.text in STOP or x.text == '}' or \
                    x.text == '->' and x.spaced:
                break
            if x.spaced and 0 < PRECEDENCE.get(x.text, 0) < precedence:
                break
            j -= 1
        return j + 1

    def right(self, i, precedence):
        """The last token of the operand that begins after i."""
        t, j = self.tokens, i + 1
        while j < len(t):
            x = t[j]
            if x.text in '([{<' and x.pair > j:
                j = x.pair + 1
                continue
            if x.text in ')]}>' and x.pair >= 0 or x.text in STOP or x.text == '->' and x.spaced:
                break
            if x.spaced and 0 < PRECEDENCE.get(x.text, 0) <= precedence:
                break
            j += 1
        return j - 1

    def opener(self, i):
        """The bracket around i, or what ends the statement before."""
        t, i = self.tokens, i - 1
        while i > 0 and not (t[i].text in '([{<' and t[i].pair > i or t[i].text == ';' or
                             t[i].text == '}' and t[i].body):
            i = t[i].pair - 1 if t[i].text in ')]}>' and t[i].pair >= 0 else i - 1
        return i

    def text(self, first, last):
        return self.source[self.tokens[first].start:self.tokens[last].end]

    def add(self, first, last, what, text, form='pick'):
        written = self.text(first, last)
        if first <= last and '...' not in written and text != written and 'operator' not in written:
            self.found.append(Mutant(self.tokens[first].start, self.tokens[last].end, what, text, form))

    # --- the operators
    def find(self):
        for i, x in enumerate(self.tokens):
            if not x.body:
                continue
            if x.spaced and x.text in PRECEDENCE:
                self.binary(i)
            elif x.spaced and x.text in ASSIGN:
                self.assignment(i)
            elif x.text == '?':
                self.choice(i)
            elif x.text in '-!' and not self.source[x.end].isspace():
                self.prefix(i)
            elif x.text == '[' and x.pair > i + 1:
                self.index(i)
            elif x.text == 'if' and self.tokens[i + 1].text == '(':
                self.check(i + 1)
            elif x.text == '(' and x.pair > i:
                self.call(i)
            elif x.kind == 'number' and self.tokens[i - 1].text not in ('[', 'case'):
                self.add(i, i, 'change a constant', f'({x.text} + 1)', 'number')
            elif x.text in ('true', 'false'):
                self.add(i, i, 'change a constant', 'false' if x.text == 'true' else 'true', 'number')
        return self.finished()

    def binary(self, i):
        op = self.tokens[i].text
        first, last = self.left(i, PRECEDENCE[op]), self.right(i, PRECEDENCE[op])
        if not first < i < last:
            return
        a, b = self.text(first, i - 1), self.text(i + 1, last)
        if op == '+' and ('"' in a + b or 'to_string' in a + b):
            return
        what = {'<': 'flip a comparison', '=': 'flip a comparison', '!': 'flip a comparison',
                '>': 'flip a comparison'}.get(op[0], 'flip a sign')
        if op in OTHER:
            self.add(first, last, what, f'{a} {OTHER[op]} {b}')
        if op in ('-', '/'):
            self.add(first, last, 'swap operands', f'({b}) {op} ({a})')
        if op in ('&&', '||'):
            self.add(first, last, 'drop a term', a)
        if op in NEUTRAL:
            self.add(first, last, 'drop a term', f'{a} {op} {NEUTRAL[op]}')
        if op in ('+', '*', '&&', '||'):
            self.add(first, last, 'drop a term', f'{NEUTRAL[op]} {op} {b}' if op in NEUTRAL else b)

    def assignment(self, i):
        op, first, last = self.tokens[i].text, self.left(i, 0), self.right(i, 0)
        if op in ('=', '<<=', '>>=', '%='):
            return
        while self.tokens[last + 1].text in ('?', ':'):  # a choice belongs to what is assigned
            last = self.right(last + 1, 0)
        whole = first > 0 and self.tokens[first - 1].text in ';{}' and self.tokens[last + 1].text == ';'
        a, b, form = self.text(first, i - 1), self.text(i + 1, last), 'statement' if whole else 'pick'
        self.add(first, last, 'make it =', f'{a} = {b}', form)
        if op in ('+=', '-='):
            self.add(first, last, 'flip a sign', f'{a} {"-+"[op == "-="]}= {b}', form)

    def choice(self, i):
        first = self.left(i, 0)
        for value in ('true', 'false'):
            self.add(first, i - 1, 'drop a branch', value, 'test')

    def prefix(self, i):
        before = self.tokens[i - 1]
        if before.kind in ('number', 'text') or before.text in (')', ']', 'operator') or \
                before.kind == 'word' and before.text not in ('return', 'case'):
            return
        end = i + 1
        while self.tokens[end + 1].text in ('.', '->', '::') or \
                self.tokens[end + 1].text in '([<' and self.tokens[end + 1].pair > 0 and \
                self.tokens[end + 1].start == self.tokens[end].end:
            end = self.tokens[end + 1].pair if self.tokens[end + 1].text in '([<' else end + 2
        if self.tokens[i + 1].text == '(':
            end = max(end, self.tokens[i + 1].pair)
        form = 'number' if self.tokens[i + 1].kind == 'number' else 'pick'
        self.add(i, end, 'flip a sign', f'({self.text(i + 1, end)})', form)

    def index(self, i):
        t = self.tokens
        if t[i - 1].end != t[i].start or not (t[i - 1].kind == 'word' or t[i - 1].text in ')]'):
            return  # a lambda's or an attribute's
        self.add(i + 1, t[i].pair - 1, 'shift an index', f'({self.text(i + 1, t[i].pair - 1)}) + 1', 'number')

    def check(self, i):
        inside = self.text(i, self.tokens[i].pair)
        if ';' not in inside and not re.search(r'[^=<>!]=[^=]', inside):
            self.add(i + 1, self.tokens[i].pair - 1, 'drop a check', 'false', 'test')

    def call(self, i):
        t, close = self.tokens, self.tokens[i].pair
        name = t[i - 1]
        if name.kind != 'word' or name.end != t[i].start or name.text in FIXED | {'if', 'for', 'while',
                                                                                 'switch', 'return'}:
            return
        first = i - 1
        while t[first - 1].text in ('::', '.', '->') and t[first - 1].end == t[first].start:
            first -= 1
            if t[first - 1].text in ')]>' and t[first - 1].pair >= 0:
                first = t[first - 1].pair
            if t[first - 1].kind == 'word' and t[first - 1].end == t[first].start:
                first -= 1
        before = t[first - 1]
        if before.kind == 'word' and before.text not in ('return', 'else', 'throw') or \
                before.text in '>&*~' and not before.spaced:
            return  # a declaration
        if before.text == ',' and self.tokens[self.opener(first)].text in ';{}':
            return  # a further one
        arguments, begin, j = [], i + 1, i + 1
        while j <= close:
            if t[j].text == ',' or j == close:
                arguments.append((begin, j - 1))
                begin = j + 1
            j = t[j].pair + 1 if t[j].text in '([{<' and t[j].pair > j else j + 1
        if before.text in ';{}' and t[close + 1].text == ';':
            self.add(first, close, 'drop a check' if 'check' in name.text else 'drop a call', '', 'statement')
        head = self.text(first, i)
        text = [self.text(*a) for a in arguments if a[0] <= a[1]]
        if 2 <= len(text) <= 4 and '"' not in text[0] + text[1]:
            self.add(first, close, 'swap operands', f'{head}{", ".join([text[1], text[0]] + text[2:])})')
        for k in UNWRAPPED.get(name.text, ()):
            if k < len(text):
                self.add(first, close, 'drop a call', f'({text[k]})')
        for (a, b), argument in zip(arguments, text):
            if argument in ('add', 'accumulate', 'keepdims', 'smallest'):
                for value in ('true', 'false'):
                    self.add(a, b, 'change a flag', value, 'test')

    def finished(self):
        """The mutants, keyed, without those that overlap others otherwise than by nesting."""
        kept, seen = [], {}
        for m in sorted(self.found, key=lambda m: (m.start, -m.end)):
            if any(k.start < m.start < k.end < m.end for k in kept[-40:]):
                continue
            begin = self.source.rfind('\n', 0, m.start) + 1
            line = self.source[begin:self.source.find('\n', m.start)].strip()
            m.line = self.source.count('\n', 0, m.start) + 1
            m.key = ' | '.join([line, m.what, ' '.join(self.source[m.start:m.end].split()),
                                ' '.join(m.text.split())])
            seen[m.key] = seen.get(m.key, 0) + 1
            m.key += f' | {seen[m.key]}' if seen[m.key] > 1 else ''
            kept.append(m)
        return kept


def rewritten(source, mutants):
    """The source with its mutants, and for each of its lines the number of the mutant it belongs to.

    A mutant's text begins on a line of its own, so that an error names the mutant.
    """
    pieces = []  # (text, owner)

    def wrap(inner, m):
        n, mutated = m.number, (f'\n{m.text}\n', m.number)
        if m.form == 'pick':
            # std::min of a number that is gone after the `return` would be a reference to it.
            copied = re.match(r'\(?(std::)?(min|max|clamp)\b', source[m.start:m.end])
            result = 'auto' if copied else 'decltype(auto)'
            return [(f'\nramp_mutation::pick<{n}>([&]() -> {result} {{ return (', n), mutated,
                    (f'); }}, [&]() -> {result} {{ return (', n), *inner, ('); })\n', n)]
        if m.form == 'statement':
            return [(f'\n(ramp_mutation::on({n}) ? void(', n), mutated, (') : void(', n), *inner, ('))\n', n)]
        return [(f'\n(ramp_mutation::on({n}) ? ', n), mutated, (' : (', n), *inner, ('))\n', n)]

    def render(begin, end, todo, owner):
        out = []
        while todo:
            m = todo[0]
            same = [x for x in todo if (x.start, x.end) == (m.start, m.end)]
            within = [x for x in todo if x.start >= m.start and x.end <= m.end and x not in same]
            out.append((source[begin:m.start], owner))
            inner = render(m.start, m.end, within, same[0].number)
            for x in same:
                inner = wrap(inner, x)
            out += inner
            begin = m.end
            todo = todo[len(same) + len(within):]
        return out + [(source[begin:end], owner)]

    pieces = render(0, len(source), sorted(mutants, key=lambda m: (m.start, -m.end)), 0)
    text, owners = '', [0]
    for piece, owner in pieces:
        for c in piece.split('\n')[1:]:
            owners.append(owner)
        if piece.strip():
            owners[-1] = owner or owners[-1]
        text += piece
    return text, owners

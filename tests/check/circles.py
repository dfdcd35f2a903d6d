"""Inside a room, files call each other in one direction: a file that calls another is not called by it,
nor by those it calls. And a room, or a folder of it, is small enough to be seen at once."""
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

MOST_FILES = 25
MANY = {"src/ops/list", "src/in/layouts"}  # one file an operator, a layout

WORDS = re.compile(r"\b\w+\b")
FUNCTION = re.compile(r"^(?!static|typedef|extern|#)[A-Za-z_][\w \*]*?\b(\w+)\s*\([^;{}]*\)\s*\n?\{", re.M)
TABLE = re.compile(r"^const (?:\w+ )+\*?(?:const )?(\w+)(?:\[[^\]]*\])? =", re.M)


def bare(text):
    """Without comments, literals and directives."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"^#.*$", "", re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text), flags=re.M)


def calls(files):
    code = {f: bare(Path(f).read_text()) for f in files}
    home = {m[1]: f for f, text in code.items() for p in (FUNCTION, TABLE) for m in p.finditer(text)}
    graph = defaultdict(dict)
    for f, text in code.items():
        for name in sorted(set(WORDS.findall(text))):
            other = home.get(name, f)
            if other != f and other.split("/")[1] == f.split("/")[1]:
                graph[f].setdefault(other, name)
    return graph


def circles(graph):
    """Tarjan's strongly connected components of more than one file."""
    number, low, stack, found = {}, {}, [], []

    def visit(v):
        number[v] = low[v] = len(number)
        stack.append(v)
        for w in graph.get(v, ()):
            if w not in number:
                visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == number[v]:
            at = stack.index(v)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for v in list(graph):
        if v not in number:
            visit(v)
    return found


def main():
    files = subprocess.run(["git", "ls-files", "src/*.c", "src/*.h"], check=True, text=True,
                           capture_output=True).stdout.split()
    files = [f for f in files if f.count("/") > 1]
    graph = calls([f for f in files if f.endswith(".c")])
    bad = []
    for c in circles(graph):
        why = [f"{a.split('/', 2)[2]} -> {b.split('/', 2)[2]} ({name})" for a in c for b, name in graph[a].items() if b in c]
        bad.append(f"{c[0].rsplit('/', 1)[0]}: a circle: " + ", ".join(why))
    for folder, n in Counter(f.rsplit("/", 1)[0] for f in files).items():
        if n > MOST_FILES and folder not in MANY:
            bad.append(f"{folder}: {n} files, at most {MOST_FILES}")
    print("\n".join(bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())

/* plan/config/yaml.c: YAML text to a tree of settings with places, through libyaml's events. Strict
 * where YAML is generous: what a reader of the file could misread is refused. plan/config/config.c
 * and plan/config/override.c call it. */
#include "plan/config/tree.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct reader {
    const mr_yaml_src *src;
    const char *text; /* checked UTF-8 without byte order mark */
    size_t len;
    size_t n_nodes;
    yaml_parser_t parser;
} reader;

bool mr_node_empty(const mr_node *n)
{
    return n->kind == MR_NODE_SCALAR && !n->quoted && n->text[0] == '\0';
}

const char *mr_node_what(const mr_node *n)
{
    if (n->kind == MR_NODE_LIST) return "a list";
    if (n->kind == MR_NODE_MAP) return "a map";
    return mr_node_empty(n) ? "nothing" : "a text";
}

/* --- refusals with a place ------------------------------------------------------------------- */

/* line and column count from 0. */
static MR_PRINTF(4, 5) mr_status
    refuse(const mr_yaml_src *src, size_t line, size_t col, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const mr_node at = {.file = (char *)(uintptr_t)src->file,
                        .line = (int)line + 1,
                        .col = (int)col + 1 + (line == 0 ? src->col0 : 0)};
    return MR_RAISE_AT(MR_ECONFIG, &at, "%s", text);
}

#define REFUSE(r, mark, ...) refuse((r)->src, (mark).line, (mark).column, __VA_ARGS__)

static bool yaml_allows(uint32_t c)
{
    if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
    return c != 0x7f && (c < 0x80 || c >= 0xa0 || c == 0x85) && c != 0xfffe && c != 0xffff &&
           c != 0xfeff;
}

/* Every byte is part of a character that YAML allows; libyaml would only give an offset. */
static mr_status check_bytes(const mr_yaml_src *src, const char *text, size_t len)
{
    size_t line = 0, col = 0;
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = mr_utf8_next(text + i, len - i, &c);
        if (n == 0)
            return refuse(src, line, col, "byte \\x%02x is not UTF-8 text",
                          (unsigned)(unsigned char)text[i]);
        if (!yaml_allows(c))
            return refuse(src, line, col, "character U+%04X is not allowed here", (unsigned)c);
        i += n;
        bool crlf = c == '\r' && i < len && text[i] == '\n';
        if ((c == '\n' || c == '\r') && !crlf) {
            line++;
            col = 0;
        } else {
            col += !crlf;
        }
    }
    return MR_OK;
}

/* The byte at a mark; libyaml counts characters. */
static char byte_at(const reader *r, const yaml_mark_t *m)
{
    size_t i = 0;
    for (size_t k = 0; k < m->index && i < r->len; k++) do
            i++;
        while (i < r->len && ((unsigned char)r->text[i] & 0xc0) == 0x80);
    return i < r->len ? r->text[i] : '\0';
}

/* libyaml gave up: its words, and what most often is behind them. */
static mr_status refuse_syntax(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "cannot be read", *hint = "";
    const char *context = p->context ? p->context : "";
    yaml_mark_t mark = p->problem_mark;
    if (p->error == YAML_MEMORY_ERROR) return MR_RAISE(MR_EMEM, "no memory for the config");
    if (p->error == YAML_READER_ERROR)
        return MR_RAISE(MR_ECONFIG, "%s: %s at byte %zu", r->src->file, problem, p->problem_offset);
    char c = byte_at(r, &mark);
    if (c == '\0' && *context) mark = p->context_mark; /* what was opened and never closed */
    if (strstr(context, "an alias")) {
        mark = p->context_mark;
        return REFUSE(r, mark, "a value that begins with * must stand in quotes: \"*.h5\"");
    }
    if (c == '\t')
        hint = "; there is a tab here: indent with spaces";
    else if (c == '%' || c == '@' || c == '`' || c == '&' || c == '!')
        hint = "; a value that begins with a special character must stand in quotes";
    else if (strstr(problem, "mapping values"))
        hint = "; is the indentation right? A value that holds ': ' must stand in quotes";
    else if (strstr(problem, "expected key") || strstr(problem, "block end") ||
             strstr(problem, "expected '-'"))
        hint = "; is the indentation right?";
    else if (strstr(problem, "expected ',' or"))
        hint = "; is a bracket left open?";
    return REFUSE(r, mark, "YAML: %s%s", problem, hint);
}

/* --- events to nodes ------------------------------------------------------------------------- */

static mr_status refuse_marks(reader *r, const yaml_event_t *e)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        return REFUSE(r, e->start_mark,
                      "aliases are not used here; a value that begins with * must stand in quotes");
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
    } else if (e->type == YAML_DOCUMENT_START_EVENT) {
        const yaml_tag_directive_t *a = e->data.document_start.tag_directives.start;
        if (a != e->data.document_start.tag_directives.end)
            return REFUSE(r, e->start_mark, "%%TAG is not used here");
    }
    if (anchor)
        return REFUSE(r, e->start_mark,
                      "anchors are not used here; a value that begins with & must stand in quotes");
    if (tag)
        return REFUSE(r, e->start_mark,
                      "tags are not used here; a value that begins with ! must stand in quotes");
    return MR_OK;
}

/* The next event, without anything that we refuse; the caller deletes it. */
static mr_status next_event(reader *r, yaml_event_t *e)
{
    if (!yaml_parser_parse(&r->parser, e)) return refuse_syntax(r);
    mr_status st = refuse_marks(r, e);
    if (st != MR_OK) yaml_event_delete(e);
    return st;
}

static mr_status scalar_text(reader *r, const yaml_event_t *e, char **out)
{
    const char *s = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length;
    if (n > MR_SCALAR_MAX)
        return REFUSE(r, e->start_mark, "a text of %zu bytes; at most %d are allowed", n,
                      MR_SCALAR_MAX);
    if (strlen(s) != n) return REFUSE(r, e->start_mark, "a text with a NUL character inside");
    return mr_strdup(s, out);
}

static void place(const reader *r, const yaml_event_t *e, int *line, int *col)
{
    *line = (int)e->start_mark.line + 1;
    *col = (int)e->start_mark.column + 1 + (e->start_mark.line == 0 ? r->src->col0 : 0);
}

static mr_status build(reader *r, const yaml_event_t *e, int depth, mr_node *n);

/* One more entry at the end of a list or map, whose first event is e. */
static mr_status add_entry(reader *r, const yaml_event_t *e, int depth, mr_node *n, size_t *cap,
                           char **key, const int key_at[2])
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&n->entries, cap, n->n + 1, sizeof *n->entries, "the config"));
    mr_node *entry = &n->entries[n->n++];
    *entry = (mr_node){.key_line = key_at[0], .key_col = key_at[1]};
    entry->key = *key;
    *key = NULL; /* given away */
    if (!entry->key) MR_TRY(mr_strdup("", &entry->key));
    MR_TRY(build(r, e, depth + 1, entry));
out:
    return st;
}

static mr_status build_list(reader *r, int depth, mr_node *n)
{
    mr_status st = MR_OK;
    size_t cap = 0;
    for (;;) {
        yaml_event_t e;
        char *no_key = NULL;
        int at[2]; /* an entry without key is named by its value's place */
        MR_TRY(next_event(r, &e));
        place(r, &e, &at[0], &at[1]);
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        if (!end) st = add_entry(r, &e, depth, n, &cap, &no_key, at);
        yaml_event_delete(&e);
        if (st != MR_OK || end) break;
    }
out:
    return st;
}

static mr_status take_key(reader *r, const yaml_event_t *e, const mr_node *map, char **key)
{
    mr_status st = MR_OK;
    char shown[80];
    if (e->type != YAML_SCALAR_EVENT)
        return REFUSE(r, e->start_mark, "a key must be a plain name, not a list or a map");
    MR_TRY(scalar_text(r, e, key));
    mr_printable(*key, shown, sizeof shown);
    const mr_node *twin = mr_node_get(map, *key);
    if (**key == '\0')
        st = REFUSE(r, e->start_mark, "a key must be a name; this one is empty");
    else if (twin)
        st = REFUSE(r, e->start_mark, "%s stands here twice; first in line %d, column %d", shown,
                    twin->key_line, twin->key_col);
    else if (map->n == MR_TREE_KEYS)
        st = REFUSE(r, e->start_mark, "more than %d keys in one map", MR_TREE_KEYS);
out:
    return st;
}

static mr_status build_map(reader *r, int depth, mr_node *n)
{
    mr_status st = MR_OK;
    size_t cap = 0;
    char *key = NULL;
    for (;;) {
        yaml_event_t e;
        int at[2];
        MR_TRY(next_event(r, &e));
        bool end = e.type == YAML_MAPPING_END_EVENT;
        if (!end) st = take_key(r, &e, n, &key);
        place(r, &e, &at[0], &at[1]);
        yaml_event_delete(&e);
        if (st != MR_OK || end) break;
        MR_TRY(next_event(r, &e));
        st = add_entry(r, &e, depth, n, &cap, &key, at);
        yaml_event_delete(&e);
        if (st != MR_OK) break;
    }
out:
    free(key);
    return st;
}

/* The value that begins with e. On failure the caller still owns what n holds so far. */
static mr_status build(reader *r, const yaml_event_t *e, int depth, mr_node *n)
{
    mr_status st = MR_OK;
    place(r, e, &n->line, &n->col);
    MR_TRY(mr_strdup(r->src->file, &n->file));
    if (++r->n_nodes > MR_TREE_NODES)
        return REFUSE(r, e->start_mark, "more than %d values", MR_TREE_NODES);
    if (e->type == YAML_SCALAR_EVENT) {
        n->kind = MR_NODE_SCALAR;
        n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return scalar_text(r, e, &n->text);
    }
    if (depth > MR_TREE_DEPTH)
        return REFUSE(r, e->start_mark, "nested deeper than %d levels", MR_TREE_DEPTH);
    n->kind = e->type == YAML_MAPPING_START_EVENT ? MR_NODE_MAP : MR_NODE_LIST;
    MR_TRY(n->kind == MR_NODE_MAP ? build_map(r, depth, n) : build_list(r, depth, n));
out:
    return st;
}

/* An event of no interest but its type. */
static mr_status skip_event(reader *r, yaml_event_type_t *type, yaml_mark_t *mark)
{
    yaml_event_t e;
    mr_status st = next_event(r, &e);
    if (st != MR_OK) return st;
    *type = e.type;
    *mark = e.start_mark;
    yaml_event_delete(&e);
    return MR_OK;
}

static mr_status build_document(reader *r, mr_node *root)
{
    mr_status st = MR_OK;
    yaml_event_type_t type;
    yaml_mark_t mark;
    yaml_event_t e;
    MR_TRY(skip_event(r, &type, &mark)); /* the stream begins */
    MR_TRY(skip_event(r, &type, &mark)); /* the document, or the end of an empty text */
    if (type == YAML_STREAM_END_EVENT) {
        root->line = 1;
        root->col = 1 + r->src->col0;
        MR_TRY(mr_strdup(r->src->file, &root->file));
        return mr_strdup("", &root->text);
    }
    MR_TRY(next_event(r, &e));
    st = build(r, &e, r->src->depth, root);
    yaml_event_delete(&e);
    if (st != MR_OK) goto out;
    MR_TRY(skip_event(r, &type, &mark)); /* the document ends */
    MR_TRY(skip_event(r, &type, &mark));
    if (type != YAML_STREAM_END_EVENT)
        st = REFUSE(r, mark, "a second document begins here; one config is one document");
out:
    return st;
}

mr_status mr_yaml_parse(const mr_yaml_src *src, const char *text, size_t len, mr_node *out)
{
    static const char bom[] = "\xef\xbb\xbf";
    mr_status st = MR_OK;
    mr_node root = {0};
    reader r = {.src = src, .text = text, .len = len};
    if (len >= 3 && memcmp(text, bom, 3) == 0) {
        r.text += 3;
        r.len -= 3;
    }
    MR_TRY(check_bytes(src, r.text, r.len));
    if (!yaml_parser_initialize(&r.parser)) return MR_RAISE(MR_EMEM, "no memory for the config");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
    st = build_document(&r, &root);
    yaml_parser_delete(&r.parser);
    MR_TRY(st);
    MR_TRY(root.key ? MR_OK : mr_strdup("", &root.key));
    *out = root;
    root = (mr_node){0}; /* given away */
out:
    mr_node_fini(&root);
    return st;
}

"""Calls of libhdf5 whose arguments or structures differ between 1.8, 1.10, 1.12 and 2.0 are named with
their version, or come from in/hdf5/api.h: the plain name means another call in another release."""
import re
import subprocess
import sys
from pathlib import Path

API = "src/in/hdf5/api.h"
PLAIN = re.compile(
    r"\b(H5Oget_info(_by_name|_by_idx)?|H5Ovisit(_by_name)?|H5Literate(_by_name)?|H5Lvisit(_by_name)?"
    r"|H5Lget_info(_by_idx)?|H5[LO]_info_t|H5Rdereference|H5Rget_(region|obj_type|name)|H5Sencode|H5Pencode"
    r"|H5Fget_info|H5[DG]open|H5[DGA]create|H5Topen|H5Tcommit|H5Tarray_create|H5Tget_array_dims|H5Tdecode"
    r"|H5E(set_auto|get_auto|print|walk|clear|push)|H5Pget_filter(_by_id)?|H5Pregister|H5Pinsert|H5Zregister"
    r"|H5Aiterate|H5Dvlen_reclaim|H5Pset_file_space|H5Gget_objinfo|H5Giterate|H5Glink|H5Gunlink"
    r"|H5Acreate|H5Aopen_name|H5Dextend)\s*[(;,)]?(?=\W)")


def main():
    files = subprocess.run(["git", "ls-files", "src/*.[ch]", "tests/*.[ch]"], check=True, text=True,
                           capture_output=True).stdout.split()
    bad = []
    for f in set(files) - {API}:
        code = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), Path(f).read_text(), flags=re.S)
        for n, line in enumerate(code.splitlines(), 1):
            for m in PLAIN.finditer(re.sub(r'"[^"]*"', '""', line)):
                bad.append(f"{f}:{n}: {m[1]}: name its version, or use in/hdf5/api.h")
    print("\n".join(sorted(bad)))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())

#!/bin/sh
# Print how to link HDF5:  hdf5_libs.sh CC [PREFIX]
# The archive where there is one and it links: Debian's shared library brings curl, LDAP, Kerberos and
# thirty more with it, which takes longer to load than the survey of a small archive. HDF5_SHARED=1 says no.
cc=$1 prefix=${2:-}
if [ -n "$prefix" ]; then
    where=-L$prefix/lib libs="-Wl,-rpath,$prefix/lib -lhdf5_hl -lhdf5"
else
    for name in hdf5-serial hdf5; do
        pkg-config --exists $name 2>/dev/null && break
        name=
    done
    where=${name:+$(pkg-config --libs-only-L $name)}
    libs=$(test -z "$name" || pkg-config --libs-only-l $name)
    libs=${libs:--lhdf5}
    libs="$(echo "$libs" | grep -o -e '-lhdf5[a-z_]*' | head -1)_hl $libs"
fi

links() { # links FLAGS...
    dir=$(mktemp -d) || return 1
    echo 'int H5open(void); int H5LTset_attribute_string(void);
          int main(void) { return H5open() + H5LTset_attribute_string(); }' >"$dir/t.c"
    $cc "$dir/t.c" -o "$dir/t" "$@" 2>/dev/null && ! ldd "$dir/t" | grep -q libhdf5
    status=$?
    rm -rf "$dir"
    return $status
}

archive="-Wl,-Bstatic $(echo "$libs" | grep -o -e '-lhdf5[a-z_]*' | tr '\n' ' ')-Wl,-Bdynamic"
if [ -z "${HDF5_SHARED:-}" ]; then
    for more in "-lsz -lz -ldl -lm" "-lz -ldl -lm"; do
        # shellcheck disable=SC2086
        if links $where $archive $more; then
            echo "$where $archive $more"
            exit
        fi
    done
fi
echo "$where $libs"

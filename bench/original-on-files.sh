# shellcheck shell=bash
# The original thin_send and thin_recv on plain files, which needs neither LVM nor a machine of the lab: what they ask LVM is
# answered for the pool image in a folder. Sourced, never run.

# answer_original FOLDER PROGRAM IMAGE...: makes FOLDER/original, to be put into PATH. There thin_send and thin_recv take the IMAGEs,
# which are snapshots 1, 2... of FOLDER/metadata, and write any other file of FOLDER.
answer_original() {
  local folder=$1 here=$1/original tool
  mkdir -p "$here"
  ln -sf "$2" "$here/thin_send"  # the name is the mode
  ln -sf "$2" "$here/thin_recv"
  ln -sf metadata "$folder/pool_tmeta"
  shift 2
  cat > "$here/lvs" << END
#!/bin/bash
# lvs --noheadings -o FIELDS NAME, for the two lists of fields that they ask for. A volume is opened as /dev/VG/LV.
id=0
for image in $*; do
  count=\$((count + 1))
  if [[ \$image == "\$4" ]]; then id=\$count; fi
done
case \$3 in
  lv_dm_path) echo " $folder/pool" ;;
  *) echo " ..$folder \$4 pool $folder/\$4 \$id Vwi-a-tz--" ;;
esac
END
  printf '#!/bin/sh\n' > "$here/dmsetup"  # no kernel writes to the metadata
  for tool in thin_delta thin_dump; do
    printf '#!/bin/sh\nshift  # -m: the file is its own metadata snapshot\nexec %s "$@"\n' "$(command -v $tool)" > "$here/$tool"
  done
  chmod +x "$here"/{lvs,dmsetup,thin_delta,thin_dump}
}

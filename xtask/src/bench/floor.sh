# The floor: what a deploy changes on a host, by direct commands, with nothing made sure of.
#
#   floor.sh setup                 as the environment `live` of the stand-in is, on a port of its own
#   floor.sh deploy NUMBER COMMIT  a new release with the dependencies of the one before
#   floor.sh rollback NUMBER       to a release that is there
#
# It ends when the service answers, and proves nothing: not which process answers, not for how long.
set -eu
root=/opt/floor
port=8012

switch() {
    ln -s "$root/releases/$1" "$root/next"
    mv -T "$root/next" "$root/current"
    systemctl restart floor
    until curl -sf "http://127.0.0.1:$port/health" >"$root/answer"; do sleep 0.01; done
}

case $1 in
setup)
    live=/opt/helionyx/live
    unit=/etc/systemd/system/floor.service
    mkdir -p $root/releases/0 /var/lib/floor/events /var/lib/floor/projections
    git clone -q --bare /srv/site/code $root/repo.git
    cp -a "$(readlink -f $live/current)/." $root/releases/0
    mkdir $root/shared
    cp -a $live/shared/.env $root/shared
    old=$(basename "$(readlink $live/current)")
    grep -rlI "$live/releases/$old" $root/releases/0/.venv | xargs sed -i "s|$live/releases/$old|$root/releases/0|g"
    sed -i "s|/var/lib/helionyx/live|/var/lib/floor|; s|=8002|=$port|" $root/releases/0/release.env
    sed "s|$live|$root|g; s|/var/lib/helionyx/live|/var/lib/floor|g" /etc/systemd/system/helionyx.service >$unit
    sed -i 's|RuntimeDirectory=helionyx|RuntimeDirectory=floor|; /^StartLimit/d' $unit
    # It is restarted more often than a service may crash.
    sed -i 's|^\[Unit\]|&\nStartLimitIntervalSec=0|' $unit
    chown -R helionyx-live: /var/lib/floor
    systemctl daemon-reload
    switch 0
    ;;
deploy)
    old=$(readlink $root/current)
    new=$root/releases/$2
    git -C $root/repo.git fetch -q origin +milestone-3:milestone-3
    mkdir "$new"
    git -C $root/repo.git archive "$3" | tar -x -C "$new"
    cp "$old/release.env" "$new"
    # The dependencies are linked; what names its release is written anew.
    cp -al "$old/.venv" "$new/.venv"
    grep -lI "$old" "$new"/.venv/pyvenv.cfg "$new"/.venv/bin/* \
        "$new"/.venv/lib/python*/site-packages/__editable__* \
        "$new"/.venv/lib/python*/site-packages/helionyx-*.dist-info/* |
        xargs sed -i "s|$old|$new|g"
    switch "$2"
    ;;
rollback)
    switch "$2"
    ;;
esac

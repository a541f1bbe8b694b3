/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/view.h"

#include "sr/banned.h"

#define OF_VARBIND 4U

void
trap_views_begin(struct trap_views *views)
{
    views->count = 0;
    views->effort = TRAP_EFFORT;
}

static void
read_view(const struct trap_config *config, const struct trap_varbind *varbind,
    struct trap_view *ret_view)
{
    ret_view->varbind = *varbind;
    if (!trap_name_read(config, varbind->name, &ret_view->name)) {
        ret_view->name.count = 0;
        ret_view->name.table = NULL;
    }
    trap_shown_of(&ret_view->name, varbind, &ret_view->shown);
}

const struct trap_view *
trap_views_add(
    struct trap_views *views, const struct trap_config *config, const struct trap_varbind *varbind)
{
    if (views->effort == 0) {
        return NULL;
    }
    struct trap_view *view =
        views->count < TRAP_VIEWS_KEPT ? &views->kept[views->count] : &views->last;
    read_view(config, varbind, view);
    uint32_t effort = OF_VARBIND + trap_shown_effort(&view->name, varbind);
    views->effort -= effort < views->effort ? effort : views->effort;
    views->count++;
    return view;
}

const struct trap_view *
trap_views_again(struct trap_views *views, const struct trap_config *config, uint32_t at,
    const struct trap_varbind *varbind)
{
    if (at < TRAP_VIEWS_KEPT) {
        return &views->kept[at];
    }
    read_view(config, varbind, &views->last);
    return &views->last;
}

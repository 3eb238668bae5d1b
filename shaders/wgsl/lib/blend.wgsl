// Blends what a ray meets in all volumes up to `until`, by depth.
#if SINGLE
while seen.a <= OPAQUE {
    let met = next_0(ray, &walk_0, until);
    if met.color.a <= 0.0 {
        break;
    }
    seen = over(seen, met.color);
}
#else
#repeat VOLUMES
var met_$K = next_$K(ray, &walk_$K, until);
#end
while seen.a <= OPAQUE {
    var t = INFINITY;
    #repeat VOLUMES
    t = min(t, met_$K.t);
    #end
    if t >= INFINITY {
        break;
    }
    #repeat VOLUMES
    if met_$K.t == t {
        seen = over(seen, met_$K.color);
        met_$K = next_$K(ray, &walk_$K, until);
    }
    #end
}
#endif

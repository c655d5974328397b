"""Network filters: one file each, registered in lateen.proxy.compile.extensions."""

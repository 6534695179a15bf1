pub struct LocalHost;
